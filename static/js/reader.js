// How the signed-in person wants dates and numbers: as they chose in their profile, else as the browser has it.
const chosen = document.documentElement.dataset;

export const locale = chosen.locale;
export const timeZone = known(chosen.zone);

/** Not every browser knows every zone that the server knows. */
function known(zone) {
  try {
    new Intl.DateTimeFormat(undefined, { timeZone: zone });
    return zone;
  } catch {
    return undefined;
  }
}
