"use strict";
for (const article of document.querySelectorAll("article")) {
  const picture = article.querySelector(".picture");
  const slider = article.querySelector(".swipe");
  const edge = article.querySelector(".edge");
  const buttons = [...article.querySelectorAll("button[data-layer]")];
  const show = () => {
    const pressed = buttons.find((button) => button.getAttribute("aria-pressed") === "true");
    const chosen = pressed ? pressed.dataset.layer : "mask";
    for (const layer of picture.querySelectorAll("img:not(.image)")) {
      layer.style.visibility = layer.classList.contains(chosen) ? "visible" : "hidden";
      layer.style.clipPath = slider ? `inset(0 0 0 ${slider.value}%)` : "none";
    }
    for (const legend of article.querySelectorAll("[data-for]")) {
      legend.hidden = legend.dataset.for !== chosen;
    }
    if (edge) edge.style.left = `${slider.value}%`;
  };
  for (const button of buttons) {
    button.addEventListener("click", () => {
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
      show();
    });
  }
  const enlarge = article.querySelector(".enlarge");
  enlarge.addEventListener("click", () => {
    enlarge.setAttribute("aria-pressed", String(article.classList.toggle("large")));
  });
  if (slider) {
    slider.addEventListener("input", show);
    const follow = (event) => {
      if (event.buttons === 0 && event.type !== "pointerdown") return;
      const box = picture.getBoundingClientRect();
      slider.value = String(Math.round((100 * (event.clientX - box.left)) / box.width));
      show();
      event.preventDefault();
    };
    picture.addEventListener("pointerdown", (event) => {
      picture.setPointerCapture(event.pointerId);
      follow(event);
    });
    picture.addEventListener("pointermove", follow);
  }
  show();
}
const sheet = document.querySelector("main");
const sort = document.getElementById("sort");
let sign = 1;
const arrange = () => {
  const key = sort.value;
  const number = key === "cloud" || key === "valid";
  const value = (article) => (number ? parseFloat(article.dataset[key] || "-1") : article.dataset[key]);
  const order = [...sheet.children].sort((a, b) => {
    const [x, y] = [value(a), value(b)];
    return sign * (x < y ? -1 : x > y ? 1 : 0);
  });
  sheet.append(...order);
};
sort.addEventListener("change", arrange);
document.getElementById("turn").addEventListener("click", () => {
  sign = -sign;
  arrange();
});
