// The entry module: one socket per page, its views, and the window's events that everything else listens to.
import { startColumns } from "./columns.js";
import "./elements/add-in-place.js";
import "./elements/background-form.js";
import "./elements/combo-box.js";
import "./elements/file-drop.js";
import "./elements/import-progress.js";
import "./elements/live-chart.js";
import "./elements/live-notice.js";
import "./elements/live-presence.js";
import "./elements/live-update-indicator.js";
import "./elements/local-number.js";
import "./elements/local-time.js";
import "./elements/realtime-connection-banner.js";
import "./elements/realtime-status-indicator.js";
import "./elements/write-mark.js";
import "./form-token.js";
import { startLiveForms } from "./live-form.js";
import { startAnnouncer } from "./live/announcer.js";
import { Curtain } from "./live/curtain.js";
import { DeployReload } from "./live/deploy-reload.js";
import { followGone } from "./live/gone.js";
import { startHere } from "./live/here.js";
import { LiveSocket } from "./live/live-socket.js";
import { LiveViews } from "./live/live-views.js";
import { startLooking } from "./live/looking.js";
import { followOtherTabs } from "./live/other-tabs.js";
import { startPaceSwitch } from "./live/pace.js";
import { PageState } from "./live/page-state.js";
import { followPresence } from "./live/presence.js";
import { startSearchMarks } from "./live/search-marks.js";
import { startKeyboard } from "./keyboard.js";
import { startChosen } from "./chosen.js";
import { startCopying } from "./copy.js";
import { forgetKeptPages, startKeptPages } from "./kept-pages.js";
import { startMenus } from "./menu.js";
import { outbox } from "./outbox/outbox.js";
import { startOutboxList } from "./outbox/outbox-list.js";
import { startPlainForms } from "./outbox/plain-forms.js";
import { startResuming } from "./outbox/resuming.js";
import { startPalette } from "./palette.js";
import { startPrefetching } from "./prefetch.js";
import { at } from "./root.js";
import { startRowLinks } from "./row-link.js";
import { startFollowingMerges } from "./ticketing/follow-merge.js";
import { startMergeDialog } from "./ticketing/merge-dialog.js";
import { startBell } from "./ticketing/bell.js";
import { startMentions } from "./ticketing/mentions.js";
import { startReplyQuestion } from "./ticketing/reply-question.js";
import { startTicketWork } from "./ticketing/work.js";
import { startSelection } from "./selection.js";
import { startTyped } from "./typed.js";
import { startUndo } from "./undo.js";

const root = document.documentElement;

// First, as what is put back may be what the others start with.
startTyped();
startChosen();
startColumns();
startCopying();
startMenus();
startPaceSwitch();
// Before the row links: a click on a status, or on a mark, isn't one on its row.
startTicketWork();
startOutboxList(document);
startRowLinks();
startPrefetching();
startKeyboard(document);
startPalette(document);
startSearchMarks(document);
startLiveForms(document);
startUndo(document);
startSelection(document);
startMergeDialog(document);
startFollowingMerges(document);
startBell(document);
startMentions(document);
// After everything else that sends a form in a way of its own.
startPlainForms(document);
startResuming(document);
outbox.start();
if (root.dataset.person) startKeptPages();

// Pages without the dot (sign-in, errors) aren't live.
if (document.querySelector("realtime-status-indicator")) startLive();

function startLive() {
  const url = new URL(at("ws/live/"), location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  const socket = new LiveSocket(url.href, { build: root.dataset.build, person: root.dataset.person });
  const views = new LiveViews(socket, document, { onChange: () => state.viewsChanged() });
  const state = new PageState(views, (detail) => {
    root.dataset.realtimeStatus = detail.status;
    root.dispatchEvent(new CustomEvent("live:status", { bubbles: true, detail }));
  });
  const deploy = new DeployReload({ connected: () => socket.ready });
  const curtain = new Curtain(document);

  socket.addEventListener("state", ({ detail }) => {
    if (detail.signIn) curtain.lower("signed-out");
    if (detail.another) curtain.lower("another");
    if (detail.signIn || detail.another) forgetKeptPages();
    state.socketChanged(detail);
  });
  socket.addEventListener("frame", ({ detail }) => {
    if (detail.type === "outdated") deploy.offer(detail);
    if (detail.type === "current") deploy.withdraw();
    // Comes before the views say what they show: the same person is back.
    if (detail.type === "hello") curtain.raise();
  });
  document.addEventListener("live:revoked", () => curtain.lower("revoked"));
  // Anybody may get back a page that goes into the back/forward cache.
  window.addEventListener("pagehide", ({ persisted }) => persisted && curtain.lower("returning"));
  window.addEventListener("live:reconnect", () => socket.reconnectNow());

  startAnnouncer(document.querySelector("[data-live-announcer]"));
  followOtherTabs(() => socket.otherTabLoaded());
  deploy.start();
  followGone(document);
  followPresence(socket);
  startHere(socket, views, document);
  startLooking(socket, document);
  startReplyQuestion();
  views.start();
  socket.start();
}
