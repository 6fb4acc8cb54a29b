const NOBODY = { people: [], more: 0 };

/**
 * Who is at the records that this page shows, as the hub last said; nobody while the page's socket is away. The hub says
 * the same to all: a page leaves out its own person by itself.
 */
class Presence extends EventTarget {
  #at = {};

  /** At `<table>/<key>`: the people, and how many more there are. */
  at(record) {
    const { people, more } = this.#at[record] ?? NOBODY;
    const own = document.documentElement.dataset.person;
    return { people: people.filter(({ person }) => person !== own), more };
  }

  take(at) {
    this.#at = at;
    this.dispatchEvent(new Event("change"));
  }
}

export const presence = new Presence();

export function followPresence(socket) {
  socket.addEventListener("frame", ({ detail }) => {
    if (detail.type === "presence") presence.take(detail.at);
    if (detail.type === "lost") presence.take({});
  });
}
