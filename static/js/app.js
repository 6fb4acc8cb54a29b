// The entry module: one socket per page, its views, and the window's events that everything else listens to.
import "./elements/background-form.js";
import "./elements/live-notice.js";
import "./elements/live-update-indicator.js";
import "./elements/local-time.js";
import "./elements/realtime-connection-banner.js";
import "./elements/realtime-status-indicator.js";
import "./form-token.js";
import { startAnnouncer } from "./live/announcer.js";
import { DeployReload } from "./live/deploy-reload.js";
import { LiveSocket } from "./live/live-socket.js";
import { LiveViews } from "./live/live-views.js";
import { startMenus } from "./menu.js";
import "./typed.js";

const root = document.documentElement;

startMenus();

// Pages without the dot (sign-in, errors) have nobody to be live for.
if (document.querySelector("realtime-status-indicator")) startLive();

function startLive() {
  const url = new URL("/ws/live/", location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  const socket = new LiveSocket(url.href, { build: root.dataset.build });
  const views = new LiveViews(socket, document);
  const deploy = new DeployReload({ connected: () => socket.ready });

  socket.addEventListener("state", ({ detail }) => {
    root.dataset.realtimeStatus = detail.status;
    root.dispatchEvent(new CustomEvent("live:status", { bubbles: true, detail }));
  });
  socket.addEventListener("frame", ({ detail }) => {
    if (detail.type === "outdated") deploy.offer(detail);
    if (detail.type === "current") deploy.withdraw();
  });
  window.addEventListener("live:reconnect", () => socket.reconnectNow());

  startAnnouncer(document.querySelector("[data-live-announcer]"));
  deploy.start();
  views.start();
  socket.start();
}
