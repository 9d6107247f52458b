/* Cases in three planes and in three dimensions, with their masks. */
for (const box of document.querySelectorAll(".viewer")) {
  const select = box.querySelector("select");
  const canvas = box.querySelector("canvas");
  const status = box.querySelector(".status");
  const strength = box.querySelector("input[type=range]");
  const legend = box.querySelector(".legend");
  let ready = null;

  const begin = async () => {
    await Carried.library("niivue");
    const nv = new niivue.Niivue({
      backColor: [0.06, 0.075, 0.085, 1], show3Dcrosshair: true, isOrientCube: false, logLevel: "error", dragAndDropEnabled: false,
      multiplanarForceRender: true, crosshairColor: [0.95, 0.75, 0.3, 0.8], isRadiologicalConvention: true, sagittalNoseLeft: true,
    });
    await nv.attachToCanvas(canvas);
    nv.onLocationChange = ({ mm, values }) => {
      const named = box.labels && values.length > 0 ? box.labels[Math.round(values[values.length - 1].value) - 1] : null;
      status.textContent = `x ${(-mm[0]).toFixed(1)}, y ${(-mm[1]).toFixed(1)}, z ${mm[2].toFixed(1)} mm (LPS)${named ? `: ${named.name}` : ""}`;
    };
    const kinds = { planes: nv.sliceTypeMultiplanar, sagittal: nv.sliceTypeSagittal, space: nv.sliceTypeRender };
    for (const button of box.querySelectorAll("[data-view]")) {
      button.disabled = false;
      button.addEventListener("click", () => {
        for (const other of box.querySelectorAll("[data-view]")) other.setAttribute("aria-pressed", other === button);
        nv.setSliceType(kinds[button.dataset.view]);
      });
    }
    nv.setSliceType(kinds.planes);
    strength.disabled = false;
    strength.addEventListener("input", () => {
      if (nv.volumes.length) nv.setOpacity(nv.volumes.length - 1, Number(strength.value) / 100);
    });
    box.view = nv;
    return nv;
  };

  const volume = (id, more) => niivue.NVImage.loadFromFile({ file: new File([Carried.bytes(id)], `${id}.mha`), ...more });

  const coloured = (labels) => {
    const table = { I: [0], R: [0], G: [0], B: [0], A: [0], labels: [""] };
    labels.forEach(({ name, colour }, i) => {
      table.I.push(i + 1);
      [table.R, table.G, table.B].forEach((column, c) => column.push(colour[c]));
      table.A.push(255);
      table.labels.push(name);
    });
    return table;
  };

  const open = async () => {
    const chosen = select.selectedOptions[0];
    status.textContent = "Reading\u2026";
    const nv = await (ready ||= begin());
    const labels = JSON.parse(chosen.dataset.labels);
    const volumes = [];
    if (chosen.dataset.image) volumes.push(await volume(chosen.dataset.image, { colormap: "gray" }));
    if (chosen.dataset.mask) {
      volumes.push(await volume(chosen.dataset.mask, { opacity: Number(strength.value) / 100 }));
      volumes.at(-1).setColormapLabel(coloured(labels));
    }
    if (select.selectedOptions[0] !== chosen) return;
    box.labels = labels;
    for (const old of [...nv.volumes].reverse()) nv.removeVolume(old);
    for (const made of volumes) nv.addVolume(made);
    nv.setRenderAzimuthElevation(235, 12);
    legend.replaceChildren(...labels.map(({ name, colour }) => {
      const [item, mark] = [document.createElement("li"), document.createElement("i")];
      mark.style.background = `rgb(${colour.join(" ")})`;
      item.append(mark, name);
      return item;
    }));
    status.textContent = "";
    box.dataset.shown = chosen.value;
  };
  const tried = () => open().catch((error) => {
    status.textContent = "This browser cannot draw in three dimensions; the case's picture stands above.";
    box.dataset.failed = String(error);
  });

  Carried.letScroll(box.querySelector(".stage"));
  select.addEventListener("change", tried);
  for (const button of document.querySelectorAll("button.in-space")) {
    button.hidden = false;
    button.addEventListener("click", () => {
      select.value = button.dataset.case;
      box.scrollIntoView({ block: "center" });
      canvas.focus({ preventScroll: true });
      tried();
    });
  }
  Carried.near(box, tried);
}
