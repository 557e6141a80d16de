"use strict";
// The pages work without this script. It redeems sign-in links, follows the counters of the overview, and opens what is
// folded away before printing.
(() => {
  const at = (id) => document.getElementById(id);

  // The code of a sign-in link stands behind "#", which browsers do not send. It leaves the address and the history before
  // anything else happens, and is posted once, in the body of the form.
  const form = at("signin");
  if (form && location.hash.length > 1) {
    const code = location.hash.slice(1);
    history.replaceState(null, "", location.pathname + location.search);
    if (/^[a-z2-7]{26}$/.test(code)) {
      at("code").value = code;
      form.submit();
    }
  }

  // Counters: one stream while the page is in view. When the session ends, the stream does too.
  const live = document.body.dataset.live;
  let stream = null;
  const say = (text) => { at("livestate").textContent = text; };
  const take = (event) => {
    const counts = JSON.parse(event.data);
    let changed = false;
    for (const element of document.querySelectorAll("[data-count]")) {
      const c = counts[element.dataset.count];
      const text = c ? c.n + (c.more ? "+" : "") : element.textContent;
      if (text !== element.textContent) {
        element.textContent = text;
        changed = true;
      }
    }
    if (changed) say("The counters have changed.");
  };
  const open = () => {
    if (stream || !live || document.hidden) return;
    stream = new EventSource(live);
    stream.onmessage = take;
    stream.onerror = () => {
      if (stream && stream.readyState === EventSource.CLOSED) {
        stream = null;
        say("The counters are not followed any more; reload the page.");
      }
    };
  };
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) {
      open();
    } else if (stream) {
      stream.close();
      stream = null;
    }
  });
  open();

  // On paper nothing can be unfolded.
  let folded = [];
  window.addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("main details:not([open])")];
    folded.forEach((d) => { d.open = true; });
  });
  window.addEventListener("afterprint", () => { folded.forEach((d) => { d.open = false; }); });

  // An act is sent once, however often the button is pressed.
  for (const f of document.forms) {
    if (f.method === "post") {
      f.addEventListener("submit", (event) => {
        if (f.dataset.sent) event.preventDefault();
        f.dataset.sent = "1";
        setTimeout(() => { delete f.dataset.sent; }, 4000);
      });
    }
  }
})();
