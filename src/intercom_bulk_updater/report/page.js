"use strict";
// Search and pages of the list of items. Without it the list stands there whole.
const PAGE = 25;
const table = document.getElementById("items");
if (table) {
  const rows = Array.from(table.tBodies[0].rows);
  const words = rows.map((row) => row.textContent.toLowerCase());
  const controls = document.querySelector(".find");
  const [search, status] = [controls.querySelector("input"), controls.querySelector("[role=status]")];
  const [earlier, later] = controls.querySelectorAll("button");
  let page = 0;
  const show = () => {
    const wanted = search.value.toLowerCase().split(/\s+/);
    const found = rows.filter((row, at) => wanted.every((word) => words[at].includes(word)));
    page = Math.max(0, Math.min(page, Math.ceil(found.length / PAGE) - 1));
    const first = page * PAGE;
    const shown = found.slice(first, first + PAGE);
    table.tBodies[0].replaceChildren(...shown);
    earlier.disabled = page === 0;
    later.disabled = first + PAGE >= found.length;
    const said = (value) => value.toLocaleString("en");
    status.textContent = found.length ? `${said(first + 1)} to ${said(first + shown.length)} of ${said(found.length)}` : "nothing found";
  };
  search.addEventListener("input", () => { page = 0; show(); });
  earlier.addEventListener("click", () => { page -= 1; show(); });
  later.addEventListener("click", () => { page += 1; show(); });
  window.addEventListener("beforeprint", () => table.tBodies[0].replaceChildren(...rows));
  window.addEventListener("afterprint", show);
  controls.hidden = false;
  show();
}
