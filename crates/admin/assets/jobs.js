// Keeps what a page of the dashboard shows up to date. Without it, the page is read as it is.
(() => {
  "use strict";

  const live = document.getElementById("live");
  if (!live) return;

  /** How often it is looked, in milliseconds. */
  const EVERY = 2000;
  /** The longest pause after failures. */
  const LONGEST = 30000;

  let isPaused = sessionStorage.getItem("jobs.paused") === "yes";
  let failures = 0;
  let timer;

  // Whoever reads can have the page stand still.
  const button = document.createElement("button");
  button.type = "button";
  button.className = "updates";
  const told = document.createElement("p");
  told.className = "hint";
  told.setAttribute("role", "status");
  const say = () => {
    button.textContent = isPaused ? "Keep up to date" : "Stop updates";
  };
  button.addEventListener("click", () => {
    isPaused = !isPaused;
    sessionStorage.setItem("jobs.paused", isPaused ? "yes" : "no");
    say();
    plan(0);
  });
  say();
  live.before(button, told);

  function plan(wait) {
    clearTimeout(timer);
    if (!isPaused && !document.hidden) timer = setTimeout(look, wait);
  }

  async function look() {
    const address = new URL(location.href);
    address.searchParams.set("fragment", "live");
    try {
      const answer = await fetch(address, { headers: { accept: "text/html" }, redirect: "error" });
      if (!answer.ok) throw new Error(`status ${answer.status}`);
      const fresh = document.createElement("template");
      fresh.innerHTML = await answer.text();
      change(live, fresh.content);
      failures = 0;
      told.textContent = "";
    } catch {
      failures += 1;
      if (failures === 3) told.textContent = "This page is not kept up to date at the moment: load it again.";
    }
    plan(Math.min(EVERY * 2 ** Math.min(failures, 8), LONGEST));
  }

  /** Makes the children of one node those of another, and leaves alone what is the same: focus, selection and scrolling stay. */
  function change(old, fresh) {
    const [before, after] = [[...old.childNodes], [...fresh.childNodes]];
    after.forEach((node, index) => {
      const there = before[index];
      if (!there) {
        old.append(node);
      } else if (there.nodeType !== node.nodeType || there.nodeName !== node.nodeName) {
        there.replaceWith(node);
      } else if (there.nodeType === Node.ELEMENT_NODE) {
        changeElement(there, node);
      } else if (there.nodeValue !== node.nodeValue) {
        there.nodeValue = node.nodeValue;
      }
    });
    before.slice(after.length).forEach((node) => node.remove());
  }

  function changeElement(there, node) {
    // What somebody chooses at the moment is theirs.
    if (there.matches("select, textarea") || (there.matches("input") && there.type !== "hidden")) return;
    for (const { name } of [...there.attributes]) {
      if (!node.hasAttribute(name)) there.removeAttribute(name);
    }
    for (const { name, value } of [...node.attributes]) {
      if (there.getAttribute(name) !== value) there.setAttribute(name, value);
    }
    change(there, node);
  }

  document.addEventListener("visibilitychange", () => plan(0));
  plan(EVERY);
})();
