/* A cloud of points whose axes and colours the reader chooses; a point leads to its case. */
for (const box of document.querySelectorAll(".cloud")) {
  const [xs, ys, colours] = box.querySelectorAll("select");
  const canvas = box.querySelector("canvas");
  const detail = box.querySelector(".detail");

  const show = async () => {
    const { told } = await Carried.data(box.dataset.pack);
    await Carried.library("chart");
    const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    const number = (value) => (value === 0 || Math.abs(value) >= 1e-3 && Math.abs(value) < 1e5 ? Number(value.toPrecision(4)) : value.toExponential(2));
    const shown = (value) => (value === null ? "\u2013" : String(number(value)).replace("-", "\u2212"));

    const pictureOf = (id) => document.querySelector(`.cases li[data-case="${CSS.escape(id)}"] img`);

    /** Who it is, its place on both axes, its groups, and its case's picture. */
    const point = (i) => {
      const list = document.createElement("dl");
      const line = (name, value) => {
        const [dt, dd] = [document.createElement("dt"), document.createElement("dd")];
        [dt.textContent, dd.textContent] = [name, value];
        list.append(dt, dd);
      };
      for (const axis of new Set([Number(xs.value), Number(ys.value)])) line(told.axes[axis], shown(told.rows[i][axis]));
      for (const [title, words] of Object.entries(told.groups)) line(title, words[i] || "\u2013");
      const title = document.createElement("p");
      title.className = "figure-title";
      title.textContent = told.names[i] || `Point ${i + 1}`;
      const parts = [title, list];
      const seen = pictureOf(told.cases[i] || "");
      if (seen) {
        const picture = seen.cloneNode();
        picture.loading = "eager";
        parts.push(picture);
      } else if (told.cases[i]) {
        const where = document.createElement("p");
        where.className = "quiet";
        where.textContent = `The picture of ${told.cases[i]} lies in the run's folder under qc/.`;
        parts.push(where);
      }
      detail.replaceChildren(...parts);
      box.dataset.point = i;
    };

    const sets = () => {
      const words = told.groups[colours.value];
      const kinds = words ? [...new Set(words)].sort((a, b) => a.localeCompare(b, undefined, { numeric: true })) : [""];
      const marks = ["circle", "rect", "triangle", "rectRot", "star", "cross", "crossRot", "dash"];
      return kinds.slice(0, 16).map((kind, k) => ({
        label: kind || (words ? "missing" : "all"),
        data: told.rows.flatMap((row, i) => {
          const [x, y] = [row[xs.value], row[ys.value]];
          return x === null || y === null || (words && words[i] !== kind) ? [] : [{ x, y, i }];
        }),
        backgroundColor: style(`--s${k % 8}`) + "b0",
        borderColor: style(`--s${k % 8}`),
        pointStyle: marks[k % 8],
        radius: told.rows.length > 1500 ? 2.5 : 4,
      }));
    };
    /* A point on the plot's very edge takes no click: every point gets room around it. */
    const axis = (select) => ({
      grace: "5%",
      title: { display: true, text: told.axes[select.value], color: style("--soft") },
      grid: { color: style("--rule") },
      ticks: { color: style("--soft") },
    });
    const options = () => ({
      animation: false,
      responsive: true,
      maintainAspectRatio: false,
      scales: { x: axis(xs), y: axis(ys) },
      plugins: {
        legend: { display: Boolean(told.groups[colours.value]), position: "top", align: "start", labels: { color: style("--ink"), usePointStyle: true, boxHeight: 7 } },
        tooltip: { callbacks: { label: (item) => `${told.names[item.raw.i] || ""}: ${shown(item.raw.x)}, ${shown(item.raw.y)}` } },
      },
      onClick: (_event, found) => {
        if (found.length) choose(found[0].datasetIndex, found[0].index);
      },
    });
    const chart = new Chart(canvas, { type: "scatter", data: { datasets: sets() }, options: options() });
    let place = null;
    const choose = (set, index) => {
      place = [set, index];
      chart.setActiveElements([{ datasetIndex: set, index }]);
      chart.tooltip.setActiveElements([{ datasetIndex: set, index }], { x: 0, y: 0 });
      chart.update("none");
      point(chart.data.datasets[set].data[index].i);
    };
    const draw = () => {
      place = null;
      chart.data.datasets = sets();
      chart.options = options();
      chart.update("none");
    };
    for (const select of [xs, ys, colours]) {
      select.disabled = false;
      select.addEventListener("change", draw);
    }
    canvas.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const order = chart.data.datasets.flatMap((set, s) => set.data.map((d, k) => [s, k, d.x]));
      order.sort((a, b) => a[2] - b[2]);
      if (!order.length) return;
      const now = place ? order.findIndex(([s, k]) => s === place[0] && k === place[1]) : -1;
      const [s, k] = order[(now + step + order.length) % order.length];
      choose(s, k);
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
    box.chart = chart;
    box.dataset.ready = "yes";
  };

  Carried.near(box, () => show().catch((error) => {
    detail.textContent = "This browser cannot draw the cloud; features.csv and latents.csv hold its numbers.";
    box.dataset.failed = String(error);
  }));
}
