// Tells the server the zone in which this person types times: the one that they chose, else this machine's.
{
  const zone = document.documentElement.dataset.zone || new Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone) document.cookie = `timezone=${zone}; path=/; max-age=31536000; samesite=lax`;
}
