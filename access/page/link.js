"use strict";
// Redeems the one-time code that stands behind "#" in the address. Browsers do not send that part; the script takes it
// out of the address and the history before anything else happens, and sends it once, in the body of a request.
(async () => {
  const at = (id) => document.getElementById(id);
  const say = (text) => { at("state").textContent = text; };
  const code = location.hash.slice(1);
  history.replaceState(null, "", location.pathname);
  if (!/^[a-z2-7]{26}$/.test(code)) {
    say("The link is not complete. Copy all of it, or ask an administrator for a new one.");
    return;
  }
  say("Signing in...");
  const form = new URLSearchParams({ grant_type: document.body.dataset.grant, code });
  let response, answer;
  try {
    response = await fetch(document.body.dataset.token, { method: "POST", body: form, credentials: "omit", cache: "no-store" });
    answer = await response.json();
  } catch {
    say("The node could not be reached. Try the link again.");
    return;
  }
  if (!response.ok) {
    say(answer.error_description || "The link was refused.");
    return;
  }
  const body = answer.access_token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/");
  const claims = JSON.parse(new TextDecoder().decode(Uint8Array.from(atob(body), (c) => c.charCodeAt(0))));
  at("who").textContent = claims.sub;
  at("tenant").textContent = claims.tenant;
  at("purpose").textContent = claims.purpose;
  at("until").textContent = new Date(claims.exp * 1000).toLocaleTimeString();
  at("token").value = answer.access_token;
  at("result").hidden = false;
  say("Signed in.");
})();
