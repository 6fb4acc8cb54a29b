// Columns move up and down in their form; one that isn't sent changes nothing. Without this, each step is sent at once.
export function startColumns() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-columns] :is([name=up], [name=down])");
    if (!button) return;
    event.preventDefault();
    move(button);
  });
}

function move(button) {
  const item = button.closest("[data-column-choice]");
  const list = item.parentElement;
  const other = button.name === "up" ? item.previousElementSibling : item.nextElementSibling;
  // The first column names the row and stays.
  if (!other || other === list.firstElementChild) return;
  if (button.name === "up") other.before(item);
  else other.after(item);
  // Moving an element takes the focus from it.
  button.focus();
  const place = [...list.children].indexOf(item) + 1;
  const said = `${item.querySelector("label").textContent.trim()}, ${place} of ${list.children.length}`;
  button.form.querySelector("[data-columns-said]").textContent = said;
}
