import { Board } from "./board.js";
import { QuickMenu } from "./quick-menu.js";

/** What people do to tickets without opening them: on pages that have the menu, for those who may change tickets. */
export function startTicketWork() {
  const menu = document.getElementById("ticket-menu");
  if (!menu) return;
  const element = document.querySelector("[data-board]");
  const board = element && new Board(element);
  const quick = new QuickMenu(menu, board && actOn(board));
  window.addEventListener("live:quick", ({ detail }) => quick.open(detail.row, detail.field));
}

/** On the board a new status is a move. */
function actOn(board) {
  return (row, action, values, words, send) => (action === "status" ? board.move(row, values.status) : send());
}
