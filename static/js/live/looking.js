// Tells the server while nobody looks at this page: then it gets no patches but of counts, and catches up afterwards.

// Whoever only glances at another tab finds this one as current as ever.
const HIDDEN_FOR_MS = 5_000;

export function startLooking(socket, page) {
  let told = false;
  let timer;
  const tell = (hidden) => {
    told = hidden;
    socket.send({ type: "look", hidden });
  };
  const look = () => {
    clearTimeout(timer);
    if (page.visibilityState === "hidden") timer = setTimeout(() => tell(true), HIDDEN_FOR_MS);
    else if (told) tell(false);
  };
  page.addEventListener("visibilitychange", look);
  // The server takes a new socket's page for one that is looked at.
  socket.addEventListener("frame", ({ detail }) => {
    if (detail.type !== "hello") return;
    told = false;
    look();
  });
}
