// Slices in 16 bit on a canvas: window, masks, slices, crosshair. Without it the page shows the middle slices.
"use strict";
(() => {
  const controls = (viewer, name) => viewer.querySelector(`.${name}`);
  const keepWindow = (text) => {
    const here = new URL(location.href);
    text ? here.searchParams.set("window", text) : here.searchParams.delete("window");
    history.replaceState(null, "", here);
    for (const link of document.querySelectorAll("a.keeps-window, #elsewhere, #as-json a")) {
      const there = new URL(link.href);
      text ? there.searchParams.set("window", text) : there.searchParams.delete("window");
      link.href = there;
    }
  };

  class Plane {
    constructor(viewer, figure) {
      Object.assign(this, { viewer, figure, axis: figure.dataset.axis });
      this.rows = Number(figure.dataset.rows);
      this.columns = Number(figure.dataset.columns);
      this.slices = Number(figure.dataset.slices);
      this.k = Math.floor(this.slices / 2);
      this.stage = figure.querySelector(".stage");
      const image = this.stage.querySelector("img");
      this.width = image.width;
      this.height = image.height;
      this.range = figure.querySelector(".slice");
      this.output = figure.querySelector("output");
      this.canvas = document.createElement("canvas");
      this.canvas.width = this.columns;
      this.canvas.height = this.rows;
      this.canvas.tabIndex = 0;
      this.canvas.setAttribute("role", "img");
      this.canvas.setAttribute("aria-label", image.alt);
      this.context = this.canvas.getContext("2d", { willReadFrequently: true });
      image.replaceWith(this.canvas);
      this.addScaleBar();
      this.resize();
    }

    addScaleBar() {
      this.acrossMm = Number(this.figure.dataset.acrossMm);
      if (!this.acrossMm) return;
      this.bar = document.createElement("span");
      this.bar.className = "bar";
      const length = [1, 2, 5, 10, 20, 50, 100, 200].filter((mm) => mm <= this.acrossMm / 4).pop();
      if (!length) return;
      this.barMm = length;
      this.bar.textContent = `${length} mm`;
      this.stage.append(this.bar);
    }

    resize() {
      const zoom = this.viewer.zoom;
      const room = this.figure.parentElement.clientWidth;
      const width = zoom ? this.columns * zoom : Math.min(this.width, room);
      const height = (width * this.height) / this.width;
      this.canvas.style.width = `${width}px`;
      this.canvas.style.height = `${height}px`;
      if (this.barMm) this.bar.style.width = `${(this.barMm / this.acrossMm) * width}px`;
    }

    async load() {
      const asked = this.k;
      try {
        const { address, masks } = this.viewer;
        const [values, ...numbers] = await Promise.all([
          this.viewer.isColour ? this.colours(address) : this.greys(address, asked),
          ...masks.map((mask) => this.read(`${mask.address}/mask/${this.axis}/${asked}.u8`, Uint8Array)),
        ]);
        if (asked !== this.k) return;
        Object.assign(this, { values, shown: asked, numbers: numbers.map((each) => each.content) });
        this.paint();
        this.tellWhetherLoaded(true);
      } catch {
        if (asked === this.k) this.tellWhetherLoaded(false);
      }
    }

    tellWhetherLoaded(loaded) {
      this.failed = !loaded;
      controls(this.viewer.element, "not-loaded").hidden = !this.viewer.planes.some((each) => each.failed);
    }

    async read(address, Kind) {
      const answer = await fetch(address);
      const content = new Kind(answer.ok ? await answer.arrayBuffer() : 0);
      if (content.length !== this.rows * this.columns) throw new Error(address);
      return { content, headers: answer.headers };
    }

    async greys(address, k) {
      const { content, headers } = await this.read(`${address}/slice/${this.axis}/${k}.i16`, Int16Array);
      return { stored: content, slope: Number(headers.get("X-Slope")), intercept: Number(headers.get("X-Intercept")) };
    }

    async colours(address) {
      const answer = await fetch(`${address}/image.png`);
      if (!answer.ok) throw new Error(address);
      this.context.drawImage(await createImageBitmap(await answer.blob()), 0, 0);
      return { picture: this.context.getImageData(0, 0, this.columns, this.rows) };
    }

    paint() {
      if (!this.values) return;
      const { masks, opacity } = this.viewer;
      const picture = this.context.createImageData(this.columns, this.rows);
      if (this.values.picture) picture.data.set(this.values.picture.data);
      else this.windowed(picture);
      masks.forEach((mask, index) => {
        if (mask.shown) this.tint(picture.data, this.numbers[index], mask.colours, opacity);
      });
      this.context.putImageData(picture, 0, 0);
      this.figure.dataset.ready = `${this.shown}`;
    }

    windowed(picture) {
      const { stored, slope, intercept } = this.values;
      const { centre, width, inverted } = this.viewer;
      const out = new Uint32Array(picture.data.buffer);
      const low = centre - width / 2;
      const scale = 255 / Math.max(width, 1e-12);
      const levels = new Uint32Array(65536);
      for (let value = -32768; value < 32768; value += 1) {
        let grey = Math.min(255, Math.max(0, (value * slope + intercept - low) * scale));
        grey = Math.round(inverted ? 255 - grey : grey);
        levels[value + 32768] = 0xff000000 | (grey << 16) | (grey << 8) | grey;
      }
      for (let i = 0; i < stored.length; i += 1) out[i] = levels[stored[i] + 32768];
    }

    tint(pixels, numbers, colours, opacity) {
      const { columns, rows } = this;
      for (let y = 0, i = 0; y < rows; y += 1) {
        for (let x = 0; x < columns; x += 1, i += 1) {
          const number = numbers[i];
          const colour = number && colours[number - 1];
          if (!colour) continue;
          const edge = x === 0 || y === 0 || x === columns - 1 || y === rows - 1 ||
            numbers[i - 1] !== number || numbers[i + 1] !== number ||
            numbers[i - columns] !== number || numbers[i + columns] !== number;
          const share = edge ? 1 : opacity;
          for (let c = 0; c < 3; c += 1) {
            pixels[4 * i + c] = pixels[4 * i + c] * (1 - share) + colour[c] * share;
          }
        }
      }
    }

    go(k) {
      const next = Math.min(this.slices - 1, Math.max(0, k));
      if (next === this.k) return;
      this.k = next;
      if (this.range) this.range.value = next;
      if (this.output) this.output.textContent = `${next + 1} / ${this.slices}`;
      this.load();
    }

    at(event) {
      const box = this.canvas.getBoundingClientRect();
      const x = Math.floor(((event.clientX - box.left) / box.width) * this.columns);
      const y = Math.floor(((event.clientY - box.top) / box.height) * this.rows);
      return [Math.min(this.columns - 1, Math.max(0, x)), Math.min(this.rows - 1, Math.max(0, y))];
    }
  }

  class Viewer {
    constructor(element) {
      const { address, low, high, colour, inverted, window: given } = element.dataset;
      Object.assign(this, { element, address, zoom: 0, opacity: 0.35 });
      this.isColour = colour === "1";
      this.inverted = inverted === "1";
      this.full = [(Number(low) + Number(high)) / 2, Math.max(Number(high) - Number(low), 1e-12)];
      [this.centre, this.width] = this.parse(given) || this.full;
      this.masks = [...element.querySelectorAll(".mask-data")].map((each) => ({
        address: each.dataset.address,
        slot: each.dataset.slot,
        shown: true,
        colours: each.dataset.colours.split(",").filter(Boolean)
          .map((hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16))),
      }));
      for (const each of element.querySelectorAll(".script")) each.hidden = false;
      this.planes = [...element.querySelectorAll(".plane")].map((each) => new Plane(this, each));
      this.listen();
      this.show();
      for (const plane of this.planes) plane.load();
    }

    parse(text) {
      const preset = { lung: "-600,1500", mediastinum: "50,350", abdomen: "50,400", liver: "30,150", brain: "40,80", bone: "400,1800" };
      const numbers = (preset[text] || text || "").split(",").map(Number);
      return numbers.length === 2 && numbers[1] > 0 ? numbers : null;
    }

    paint() { for (const plane of this.planes) plane.paint(); }

    resize() { for (const plane of this.planes) plane.resize(); }

    show() {
      const [centre, width] = ["centre", "width"].map((name) => controls(this.element, name));
      if (!centre) return;
      centre.value = Number(this.centre.toPrecision(6));
      width.value = Number(this.width.toPrecision(6));
      const preset = controls(this.element, "preset");
      const text = `${centre.value},${width.value}`;
      const isFull = this.centre === this.full[0] && this.width === this.full[1];
      preset.value = isFull ? "" : text;
      if (preset.selectedIndex < 0) preset.value = "own";
    }

    window(centre, width) {
      this.centre = centre;
      this.width = Math.max(width, 1e-12);
      this.show();
      this.paint();
    }

    // Not at each step of a drag: browsers refuse an address that changes too often.
    keep() {
      const isFull = this.centre === this.full[0] && this.width === this.full[1];
      keepWindow(isFull ? "" : [this.centre, this.width].map((each) => Number(each.toPrecision(6))).join(","));
    }

    listen() {
      const on = (name, kind, act) => {
        const found = controls(this.element, name);
        if (found) found.addEventListener(kind, () => act(found));
      };
      const choose = (centre, width) => { this.window(centre, width); this.keep(); };
      on("preset", "change", (each) => choose(...(this.parse(each.value) || this.full)));
      on("centre", "change", (each) => choose(Number(each.value), this.width));
      on("width", "change", (each) => choose(this.centre, Number(each.value)));
      on("invert", "change", () => { this.inverted = !this.inverted; this.paint(); });
      on("opacity", "input", (each) => { this.opacity = each.value / 100; this.paint(); });
      on("zoom", "change", (each) => { this.zoom = Number(each.value); this.resize(); });
      window.addEventListener("resize", () => this.resize());
      for (const plane of this.planes) {
        if (plane.range) plane.range.addEventListener("input", () => plane.go(Number(plane.range.value)));
        this.listenTo(plane);
      }
    }

    listenTo(plane) {
      let start = null;
      plane.canvas.addEventListener("pointerdown", (event) => {
        start = { x: event.clientX, y: event.clientY, centre: this.centre, width: this.width, moved: false };
        plane.canvas.setPointerCapture(event.pointerId);
      });
      plane.canvas.addEventListener("pointermove", (event) => {
        this.tell(plane, event);
        if (!start) return;
        const [dx, dy] = [event.clientX - start.x, event.clientY - start.y];
        if (!start.moved && Math.hypot(dx, dy) < 4) return;
        start.moved = true;
        if (this.isColour) return;
        const step = this.full[1] / 500;
        this.window(start.centre + dy * step, Math.max(start.width + dx * step, step / 10));
      });
      plane.canvas.addEventListener("pointerup", (event) => {
        if (start && !start.moved) this.cross(plane, ...plane.at(event));
        else if (start && !this.isColour) this.keep();
        start = null;
      });
      plane.canvas.addEventListener("wheel", (event) => {
        if (plane.slices < 2) return;
        event.preventDefault();
        plane.go(plane.k + Math.sign(event.deltaY));
      }, { passive: false });
    }

    tell(plane, event) {
      const under = controls(this.element, "under");
      if (!under || !plane.values?.stored) return;
      const [x, y] = plane.at(event);
      const { stored, slope, intercept } = plane.values;
      under.textContent = Number((stored[y * plane.columns + x] * slope + intercept).toPrecision(6));
    }

    // Axes run to the left, posterior and superior; rows of coronal and sagittal planes run down.
    cross(plane, x, y) {
      const [axial, coronal, sagittal] = this.planes;
      if (!sagittal) return;
      const place = { sagittal: sagittal.k, coronal: coronal.k, axial: axial.k };
      if (plane === axial) Object.assign(place, { sagittal: x, coronal: y });
      if (plane === coronal) Object.assign(place, { sagittal: x, axial: axial.slices - 1 - y });
      if (plane === sagittal) Object.assign(place, { coronal: x, axial: axial.slices - 1 - y });
      axial.go(place.axial);
      coronal.go(place.coronal);
      sagittal.go(place.sagittal);
    }

    key(key) {
      const step = { "[": -1, "]": 1, PageUp: -10, PageDown: 10 }[key];
      if (step) {
        const focused = this.planes.find((each) => each.canvas === document.activeElement) || this.planes[0];
        if (focused.slices < 2) return false;
        focused.go(focused.k + step);
        return true;
      }
      const preset = controls(this.element, "preset");
      if (key === "w" && preset) {
        const known = [...preset.options].filter((each) => !each.hidden);
        preset.value = known[(known.indexOf(preset.selectedOptions[0]) + 1) % known.length].value;
        preset.dispatchEvent(new Event("change"));
        return true;
      }
      const invert = controls(this.element, "invert");
      if (key === "i" && invert) { invert.click(); return true; }
      return false;
    }
  }

  const start = () => {
    const viewers = [...document.querySelectorAll(".viewer")].map((each) => new Viewer(each));
    for (const toggle of document.querySelectorAll(".mask-toggle")) {
      toggle.addEventListener("change", () => {
        for (const viewer of viewers) {
          for (const mask of viewer.masks) if (mask.slot === toggle.value) mask.shown = toggle.checked;
          viewer.paint();
        }
      });
    }
    for (const toggle of document.querySelectorAll(".shape-toggle")) {
      toggle.addEventListener("change", () => {
        for (const shape of document.querySelectorAll(".shapes g")) {
          if (shape.dataset.annotator === toggle.value) shape.style.display = toggle.checked ? "" : "none";
        }
      });
    }
    const press = (name) => { for (const each of document.querySelectorAll(name)) each.click(); };
    document.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
      if (event.target.matches("input:not([type=checkbox], [type=range]), select, textarea")) return;
      if (event.target.type === "range" && event.key.startsWith("Page")) return;
      if (event.key === "m") press(".mask-toggle");
      else if (event.key === "b") press(".shape-toggle");
      else if (!viewers.some((viewer) => viewer.key(event.key))) return;
      event.preventDefault();
    });
  };
  start();
})();
