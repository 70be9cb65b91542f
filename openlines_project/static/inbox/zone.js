// Tells the server the reader's time zone, so that times and days are his.
const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const known = document.cookie.includes('tz=');
const secure = location.protocol === 'https:' ? '; secure' : '';
document.cookie = `tz=${zone}; path=/; max-age=31536000; samesite=lax${secure}`;
const written = document.body.dataset.zone;
if (!known && written && written !== zone && document.cookie.includes(`tz=${zone}`)) location.reload();
