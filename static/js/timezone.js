// Tells the server the zone in which this person types times: the one that they chose, else this machine's.
{
  const zone = document.documentElement.dataset.zone || new Intl.DateTimeFormat().resolvedOptions().timeZone;
  // As static/js/root.js has it, which only modules can import.
  const root = new URL("../../", document.currentScript.src).pathname;
  const name = `timezone${root.slice(0, -1).replaceAll("/", "_")}`;
  if (zone) document.cookie = `${name}=${zone}; path=${root}; max-age=31536000; samesite=lax`;
}
