// A volume in 3D, when its button is pressed: NiiVue is loaded then, and only where it is installed.
"use strict";
(() => {
  const library = () => new Promise((resolve, reject) => {
    if (window.niivue) { resolve(window.niivue); return; }
    const script = document.createElement("script");
    script.src = "/static/vendor/niivue.umd.js";
    script.onload = () => resolve(window.niivue);
    script.onerror = reject;
    document.head.append(script);
  });
  const open = async (viewer) => {
    const { Niivue } = await library();
    const canvas = document.createElement("canvas");
    const stage = document.createElement("div"); // NiiVue blackens what its canvas lies in
    stage.className = "three-d-stage";
    stage.append(canvas);
    viewer.querySelector(".planes").after(stage);
    const shown = new Niivue({ isRadiologicalConvention: true, show3Dcrosshair: true });
    try {
      await shown.attachToCanvas(canvas);
      await shown.loadVolumes([{ url: `${viewer.dataset.address}/volume.nii.gz`, name: "volume.nii.gz" }]);
      shown.setSliceType(shown.sliceTypeRender);
      stage.dataset.ready = "1";
    } catch (error) {
      stage.remove();
      throw error;
    }
  };
  for (const button of document.querySelectorAll(".three-d")) {
    button.addEventListener("click", () => {
      const viewer = button.closest(".viewer");
      button.disabled = true;
      open(viewer).catch(() => {
        viewer.querySelector(".no-three-d").hidden = false;
        button.hidden = true;
      });
    });
  }
})();
