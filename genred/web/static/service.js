"use strict";

// Parts of the page are sent anew, as HTML, when they change. What has the focus keeps it.
const events = new EventSource("/service/live");
for (const name of ["status", "jobs", "decisions"]) {
  events.addEventListener(name, (event) => {
    const place = document.getElementById(name);
    const focused = place.contains(document.activeElement) ? document.activeElement.id : "";
    place.innerHTML = event.data;
    if (focused) document.getElementById(focused)?.focus();
  });
}
addEventListener("pagehide", () => events.close());
