/* Sliders that move precomputed shapes, with their measures beside them. */
for (const box of document.querySelectorAll(".explorer")) {
  const sliders = [...box.querySelectorAll("input[type=range]")];
  const outputs = [...box.querySelectorAll("output")];
  const cells = [...box.querySelectorAll(".measures tbody tr")].map((row) => row.cells);
  const canvas = box.querySelector("canvas");
  const status = box.querySelector(".status");
  const views = { front: [180, 8], side: [270, 8], above: [180, 89], free: [215, 22] };

  const show = async () => {
    const { told, take } = await Carried.data(box.dataset.pack);
    const meshes = told.sizes.map(([vertices, corners]) => ({
      points: Float32Array.from(take(Int16Array, vertices * 3), (v) => v * told.step_mm),
      corners: Uint32Array.from(take(Int32Array, corners)),
    }));
    let current = told.start;
    let draw = () => {};

    const same = (a, b) => a.every((v, i) => v === b[i]);
    const distance = (a, b) => a.reduce((sum, v, i) => sum + (v - b[i]) ** 2, 0);
    const nearest = (wanted, among) =>
      among.reduce((best, i) => (distance(told.at[i], wanted) < distance(told.at[best], wanted) ? i : best), among[0]);

    /** The shape at this place of slider i: with the others where they are, else with the others in the middle. */
    const shapeAt = (i, value) => {
      const wanted = told.at[current].map((v, j) => (j === i ? value : v));
      const alone = told.at[current].map((v, j) => (j === i ? value : told.at[told.start][j]));
      const all = told.at.map((_, k) => k);
      const exact = all.find((k) => same(told.at[k], wanted));
      if (exact !== undefined) return exact;
      return nearest(alone, all.filter((k) => told.at[k][i] === value));
    };

    const tell = () => {
      sliders.forEach((slider, i) => {
        const value = told.at[current][i];
        const text = `${value > 0 ? "+" : value < 0 ? "\u2212" : ""}${Number(Math.abs(value).toPrecision(3))} ${told.units[i]}`.trim();
        slider.value = told.places[i].indexOf(value);
        slider.setAttribute("aria-valuetext", text);
        outputs[i].textContent = text;
      });
      cells.forEach((cell, j) => {
        const now = cell[cell.length - 1];
        now.textContent = told.shown[current][j];
        if (told.full[current][j]) now.title = told.full[current][j];
        else now.removeAttribute("title");
      });
      box.dataset.shape = current;
      draw();
    };
    sliders.forEach((slider, i) => {
      slider.disabled = false;
      slider.addEventListener("input", () => {
        current = shapeAt(i, told.places[i][Number(slider.value)]);
        tell();
      });
    });
    box.querySelector(".middle").addEventListener("click", () => {
      current = told.start;
      tell();
    });
    tell();

    await Carried.library("niivue");
    const nv = new niivue.Niivue({ show3Dcrosshair: false, isOrientCube: true, logLevel: "error", dragAndDropEnabled: false });
    await nv.attachToCanvas(canvas);
    nv.setSliceType(nv.sliceTypeRender);
    /* Eight corners around all shapes fix the scale, so that a larger shape looks larger. */
    const box3 = [0, 1, 2].map((axis) => meshes.reduce(([low, high], { points }) => {
      for (let i = axis; i < points.length; i += 3) [low, high] = [Math.min(low, points[i]), Math.max(high, points[i])];
      return [low, high];
    }, [Infinity, -Infinity]));
    const corners = [0, 1, 2, 3, 4, 5, 6, 7].flatMap((k) => box3.map((ends, axis) => ends[(k >> axis) & 1]));
    const { points, corners: faces } = meshes[current];
    const colour = new Uint8Array([226, 178, 112, 255]);
    const mesh = new niivue.NVMesh(new Float32Array([...points, ...corners]), faces, "shape", colour, 1, true, nv.gl);
    nv.addMesh(mesh);
    const turn = (name) => nv.setRenderAzimuthElevation(...views[name]);
    for (const button of box.querySelectorAll("[data-view]")) {
      button.disabled = false;
      button.addEventListener("click", () => turn(button.dataset.view));
    }
    turn("free");
    draw = () => {
      mesh.pts = meshes[current].points;
      mesh.tris = meshes[current].corners;
      mesh.updateMesh(nv.gl);
      nv.drawScene();
    };
    Carried.shade(() => {
      nv.opts.backColor = [...Carried.colour("--card"), 1];
      draw();
    });
    /* NiiVue's own keys want a volume, and there is none here. */
    canvas.parentElement.addEventListener("keydown", (event) => {
      event.stopImmediatePropagation();
      const step = { ArrowLeft: [-10, 0], ArrowRight: [10, 0], ArrowUp: [0, 10], ArrowDown: [0, -10] }[event.key];
      if (!step) return;
      event.preventDefault();
      nv.setRenderAzimuthElevation(nv.scene.renderAzimuth + step[0], nv.scene.renderElevation + step[1]);
    }, { capture: true });
    box.view = nv;
    box.dataset.ready = "yes";
    status.textContent = "";
  };

  Carried.letScroll(box.querySelector(".stage"));
  Carried.near(box, () => show().catch((error) => {
    status.textContent = "This browser cannot draw in three dimensions; the table below holds every number.";
    box.dataset.failed = String(error);
  }));
}
