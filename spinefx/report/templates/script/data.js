"use strict";
/* Libraries and data that the page carries, unpacked when something first needs them. */
const Carried = (() => {
  const bytes = (id) => Uint8Array.from(atob(document.getElementById(id).textContent.trim()), (c) => c.charCodeAt(0));

  const inflate = (id) => new Response(new Blob([bytes(id)]).stream().pipeThrough(new DecompressionStream("gzip")));

  const started = new Map();
  const start = async (name) => {
    const script = document.createElement("script");
    script.textContent = await inflate(`library-${name}`).text();
    document.head.append(script);
  };

  return {
    bytes,
    /** Start a library once; resolves when its global is there. */
    library: (name) => started.get(name) || started.set(name, start(name)).get(name),
    /** What Python's `packed` wrote: the JSON, and a function that takes the arrays after it, one by one. */
    data: async (id) => {
      const buffer = await inflate(id).arrayBuffer();
      const length = new DataView(buffer).getUint32(0, true);
      const told = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
      let at = 4 + length;
      const take = (Kind, count) => {
        const part = new Kind(buffer, at, count);
        at += Math.ceil(part.byteLength / 4) * 4;
        return part;
      };
      return { told, take };
    },
    /** Call `act` when the element comes near the screen, once. */
    near: (element, act) => {
      const watch = new IntersectionObserver((entries) => {
        if (!entries.some((entry) => entry.isIntersecting)) return;
        watch.disconnect();
        act();
      }, { rootMargin: "200px" });
      watch.observe(element);
    },
    /** A colour of the page's style as [r, g, b] in 0..1. */
    colour: (name) => {
      const probe = document.createElement("canvas").getContext("2d");
      probe.fillStyle = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
      return [1, 3, 5].map((i) => parseInt(probe.fillStyle.slice(i, i + 2), 16) / 255);
    },
    /** Call `act` now and whenever light turns to dark or back. */
    shade: (act) => {
      matchMedia("(prefers-color-scheme: dark)").addEventListener("change", act);
      act();
    },
    /** A page scrolls past a canvas; only where the canvas has the focus does the wheel belong to it. */
    letScroll: (box) => {
      box.addEventListener("wheel", (event) => {
        if (!box.contains(document.activeElement)) event.stopImmediatePropagation();
      }, { capture: true });
    },
  };
})();
