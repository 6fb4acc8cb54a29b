// <details data-menu> opens and closes by itself; this adds what people expect of a menu: Escape and a click elsewhere.
export function startMenus() {
  document.addEventListener("click", (event) => closeMenus((menu) => !event.composedPath().includes(menu)));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    closeMenus((menu) => {
      if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
      return true;
    });
  });
}

function closeMenus(matches) {
  for (const menu of document.querySelectorAll("details[data-menu][open]")) {
    if (matches(menu)) menu.open = false;
  }
}
