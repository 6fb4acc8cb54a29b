// <button data-copy="text"> puts its text on the clipboard, where pages may do that.
const LASTS_MS = 2_000;

export function startCopying() {
  if (!navigator.clipboard) return;
  document.documentElement.dataset.clipboard = "";
  document.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-copy]");
    if (button) copy(button);
  });
}

async function copy(button) {
  try {
    await navigator.clipboard.writeText(button.dataset.copy);
  } catch {
    // Without the permission nothing is copied; the text is there to be selected.
    return;
  }
  const said = button.parentElement.querySelector("[data-copied]");
  said.textContent = "Copied";
  setTimeout(() => (said.textContent = ""), LASTS_MS);
}
