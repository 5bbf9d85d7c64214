// Comfort on top of pages that work without it: what an approval will do is worked out while typing, references are
// copied with one press, and an answer that went wrong is brought into view.
"use strict";

document.documentElement.classList.add("has-script");

for (const button of document.querySelectorAll("button[data-copy]")) {
  if (!navigator.clipboard) break;
  button.hidden = false;
  const label = button.textContent;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = button.dataset.done;
    setTimeout(() => { button.textContent = label; }, 1500);
  });
}

const problem = document.getElementById("problem");
if (problem) problem.focus();

// The server prices and composes; this page only shows its answer. One that was overtaken by another is dropped.
for (const form of document.querySelectorAll("form[data-preview]")) {
  const of = form.elements.of.value;
  let timer = 0;
  let asked = 0;

  const ask = async (more = {}) => {
    const mine = asked;
    const typed = new FormData(form);
    for (const [name, value] of Object.entries(more)) typed.set(name, value);
    document.body.classList.add("is-working");
    try {
      const answer = await fetch(form.dataset.preview, {method: "POST", body: typed});
      if (!answer.ok || mine !== asked) return null;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      return mine === asked ? fresh : null;
    } finally {
      if (mine === asked) document.body.classList.remove("is-working");
    }
  };

  const show = (fresh) => {
    if (!fresh) return;
    for (const part of document.querySelectorAll(`[data-live^="${of}."]`)) {
      const other = fresh.querySelector(`[data-live="${part.dataset.live}"]`);
      if (other) part.replaceChildren(...other.childNodes);
    }
  };

  const soon = () => {
    asked += 1;
    clearTimeout(timer);
    timer = setTimeout(async () => show(await ask()), 250);
  };

  // A saved reply is put in at once, by the same answer that the button without a script would get.
  const use = async (chosen) => {
    if (!chosen.value) return;
    asked += 1;
    clearTimeout(timer);
    const fresh = await ask({use: "1"});
    if (!fresh) return;
    for (const area of form.querySelectorAll("textarea")) {
      const filled = fresh.getElementById(area.id);
      if (filled && area.name !== "note") area.value = filled.value;
    }
    chosen.value = "";
    show(fresh);
  };

  for (const kind of ["input", "change"]) {
    document.addEventListener(kind, (event) => {
      if (event.target.form !== form || event.target.name === "note") return;
      if (!("use" in event.target.dataset)) soon();
      else if (kind === "change") use(event.target);
    });
  }

  // The reference of a transfer is asked for only where there is one.
  const byHand = form.querySelector(".by-hand");
  if (byHand) {
    const showByHand = () => { byHand.hidden = form.elements.payout.value !== "hand"; };
    form.addEventListener("change", showByHand);
    showByHand();
  }
}

// What nothing is given back of cannot return to stock.
for (const stock of document.querySelectorAll(".lines .stock")) {
  const row = stock.closest("tr");
  const quantity = row.querySelector(".choice input");
  const showStock = () => row.classList.toggle("is-none", !Number(quantity.value));
  quantity.addEventListener("input", showStock);
  showStock();
}
