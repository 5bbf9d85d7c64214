// Comfort only: every page works without it. The server works out every amount, here too.

document.documentElement.classList.add("js");

// A second press while the first is on its way does nothing. Coming back with the back button allows it again.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "1";
  setTimeout(() => delete form.dataset.sent, 5000);
});
addEventListener("pageshow", () => document.querySelectorAll("form[data-sent]").forEach((form) => delete form.dataset.sent));

// Plus and minus beside a quantity.
for (const stepper of document.querySelectorAll(".stepper")) {
  const input = stepper.querySelector("input");
  const [least, most] = [Number(input.min), Number(input.max)];
  const buttons = [["−", -1, stepper.dataset.less], ["+", 1, stepper.dataset.more]].map(([sign, by, label]) => {
    const button = document.createElement("button");
    Object.assign(button, { type: "button", className: "step-button", textContent: sign, ariaLabel: label });
    button.addEventListener("click", () => {
      input.value = Math.min(most, Math.max(least, (Number.parseInt(input.value, 10) || 0) + by));
      input.dispatchEvent(new Event("input", { bubbles: true }));
    });
    return button;
  });
  const show = () => {
    buttons[0].disabled = Number(input.value) <= least;
    buttons[1].disabled = Number(input.value) >= most;
  };
  input.addEventListener("input", show);
  input.before(buttons[0]);
  input.after(buttons[1]);
  show();
}

// The sum at once: the same form to the same address, and the amount taken out of the page that answers.
for (const form of document.querySelectorAll("form[data-live]")) {
  const shown = form.querySelector("#amount");
  let waiting = 0;
  let call = new AbortController();
  const work = async () => {
    call.abort();
    call = new AbortController();
    const body = new FormData(form);
    body.set("step", "live");
    body.delete("photos");
    shown.ariaBusy = "true";
    try {
      const answer = await fetch(form.action, { method: "POST", body, signal: call.signal });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.querySelector("#amount");
      if (!answer.ok || !fresh) throw new Error(answer.status);
      shown.replaceChildren(...fresh.childNodes);
      shown.ariaBusy = "false";
    } catch (error) {
      if (error.name === "AbortError") return;
      shown.ariaBusy = "false";
      document.documentElement.classList.remove("js");
    }
  };
  form.addEventListener("input", (event) => {
    const input = event.target;
    if (!input.name.startsWith("q_")) return;
    input.closest(".line").classList.toggle("is-chosen", input.type === "checkbox" ? input.checked : Number(input.value) > 0);
    clearTimeout(waiting);
    waiting = setTimeout(work, 200);
  });
}

// Times as the visitor's own clock shows them; without scripts they are the shop's, with the name of its zone.
const language = document.documentElement.lang;
const clock = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short", numberingSystem: "latn" });
for (const time of document.querySelectorAll("time")) time.textContent = clock.format(new Date(time.dateTime));
