// A classic script in <head>, not a module: it must run before the first paint, or a dark page flashes white.
(() => {
  const root = document.documentElement;
  // As static/js/root.js has it, which only modules can import.
  const below = new URL("../../", document.currentScript.src).pathname;
  const own = (name) => (below === "/" ? name : `${below} ${name}`);
  const KEY = own("livedesk-theme");

  // Storage may be forbidden (private mode, policy); then the choice lives as long as the page.
  function stored() {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null;
    }
  }

  function store(choice) {
    try {
      localStorage.setItem(KEY, choice);
    } catch {
      return;
    }
  }

  function show(choice) {
    if (choice === "light" || choice === "dark") root.dataset.theme = choice;
    else delete root.dataset.theme;
    for (const button of document.querySelectorAll("[data-theme-choice]")) {
      button.setAttribute("aria-pressed", String(button.dataset.themeChoice === (choice || "system")));
    }
  }

  // What the person has chosen on whatever machine, unless it was chosen here and is still on its way (chosen.js).
  function fromServer() {
    const chosen = root.dataset.chosenTheme;
    try {
      if (chosen && localStorage.getItem(own(`livedesk-unsent-theme-${root.dataset.person}`)) === null) store(chosen);
    } catch {
      if (chosen) root.dataset.theme = chosen;
    }
  }

  root.dataset.js = "";
  fromServer();
  show(stored());

  document.addEventListener("DOMContentLoaded", () => show(stored()));
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-theme-choice]");
    if (!button) return;
    store(button.dataset.themeChoice);
    show(button.dataset.themeChoice);
    root.dispatchEvent(new CustomEvent("livedesk:theme", { detail: button.dataset.themeChoice }));
  });
  window.addEventListener("storage", (event) => {
    if (event.key === KEY) show(event.newValue);
  });
})();
