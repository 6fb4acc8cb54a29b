// What was written here and hasn't been answered yet, in this browser's IndexedDB. It outlives the page, the browser and
// the sign-out. Everything is looked up by the person whose session it was written in.
import { own } from "../root.js";

const NAME = own("livedesk-outbox");
const WRITES = "writes";
const PEOPLE = "people";
// Other tabs hear of it; a BroadcastChannel would keep pages out of the back/forward cache.
const SIGNAL = own("livedesk.outbox");

let opening;

/** The database; null where the browser has none, as some do in private windows. */
function open() {
  opening ??= new Promise((resolve) => {
    const refused = () => resolve(null);
    try {
      const asked = indexedDB.open(NAME, 1);
      asked.onupgradeneeded = () => {
        const writes = asked.result.createObjectStore(WRITES, { keyPath: "number", autoIncrement: true });
        writes.createIndex("key", "key", { unique: true });
        writes.createIndex(PEOPLE, "person");
      };
      asked.onsuccess = () => {
        // A newer build of ours may want to change it.
        asked.result.onversionchange = () => asked.result.close();
        asked.result.onclose = () => (opening = undefined);
        resolve(asked.result);
      };
      asked.onerror = refused;
      asked.onblocked = refused;
    } catch {
      refused();
    }
  });
  return opening;
}

/** Runs `act` in one transaction; what its last request found, once everything is on the disk. */
async function within(mode, act) {
  const database = await open();
  if (!database) return undefined;
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(WRITES, mode, { durability: "strict" });
    let found;
    act(transaction.objectStore(WRITES), (request) => (request.onsuccess = () => (found = request.result)));
    transaction.oncomplete = () => resolve(found);
    transaction.onabort = () => reject(transaction.error);
  });
}

/** Keeps a write. False where it can't be kept. */
export async function add(write) {
  if (!(await open())) return false;
  try {
    await within("readwrite", (writes) => writes.add(write));
    return true;
  } catch {
    // No room, or nothing that can be stored.
    return false;
  }
}

/** Everything of a person that is kept, the oldest first. */
export async function all(person) {
  try {
    return (await within("readonly", (writes, find) => find(writes.index(PEOPLE).getAll(person)))) ?? [];
  } catch {
    return [];
  }
}

export function change(key, part) {
  return within("readwrite", (writes) => take(writes, key, (cursor) => cursor.update({ ...cursor.value, ...part })));
}

export function remove(key) {
  return within("readwrite", (writes) => take(writes, key, (cursor) => cursor.delete()));
}

function take(writes, key, act) {
  writes.index("key").openCursor(key).onsuccess = ({ target: { result: cursor } }) => cursor && act(cursor);
}

/** Tells the other tabs that something has changed. */
export function signal() {
  try {
    localStorage.setItem(SIGNAL, `${Date.now()} ${Math.random()}`);
  } catch {
    // Where storage is forbidden, a tab looks when it is loaded.
  }
}

export function onSignal(act) {
  window.addEventListener("storage", ({ key }) => key === SIGNAL && act());
}
