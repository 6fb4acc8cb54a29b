// A merged ticket takes no more replies. Whoever was writing one goes on at the ticket that it was merged into, with every
// word: what is typed there already, here or on another device, comes first.
import { draftsAt, end } from "../drafts.js";
import { nameOf, newName, read, write } from "../typed-store.js";

const FORM = "comment-form";
const TEXT = "content 0";

export function startFollowingMerges(page) {
  page.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-follow-merge]");
    const form = page.getElementById(FORM);
    if (!link || !form || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    follow(link, form);
  });
}

async function follow(link, form) {
  const { pathname } = new URL(link.href);
  const [mine, theirs] = await Promise.all([textOf(form), keptAt(pathname)]);
  if (!mine.text) return location.assign(link.href);
  const text = [theirs.text, mine.text].filter(Boolean).join("\n\n");
  const kept = { values: { [TEXT]: text }, revision: null, seen: {}, writing: newName(), before: theirs.writings };
  const title = `New comment: ${link.dataset.title}`;
  write(name(pathname), { ...kept, title, address: pathname, form: FORM, at: Date.now(), saved: false, sent: false });
  // It isn't a draft of this ticket any more: typed.js hears the reset.
  form.reset();
  if (mine.writings.length) end(name(location.pathname), { address: location.pathname, form: FORM, writings: mine.writings });
  location.assign(`${pathname}#draft`);
}

/** What is in the form; or, if that is empty, what is offered beside it. */
async function textOf(form) {
  const typed = form.querySelector("textarea").value;
  return typed.trim() ? { text: typed, writings: [] } : keptAt(location.pathname);
}

/** The reply that is kept for an address: in this tab, or else on the server. */
async function keptAt(pathname) {
  const here = read(name(pathname));
  if (here?.values?.[TEXT] && !here.sent) return { text: here.values[TEXT], writings: [here.writing, ...here.before].filter(Boolean) };
  const draft = (await draftsAt(pathname)).find(({ form }) => form === FORM);
  return { text: draft?.values[TEXT] ?? "", writings: draft ? [draft.writing] : [] };
}

function name(pathname) {
  return nameOf(document.documentElement.dataset.person, `${pathname} ${FORM}`);
}
