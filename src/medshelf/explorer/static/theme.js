"use strict";
// Loaded before anything is drawn, so that no page flashes in the other theme. A cookie, because
// the next server has another port, and a cookie is the only store that ports share.
const theme = {
  get: () => /(?:^|; )medshelf-theme=(light|dark)(?:;|$)/.exec(document.cookie)?.[1] ?? "",
  set: (name) => {
    const days = name ? 365 : 0;
    document.cookie = `medshelf-theme=${name}; path=/; max-age=${days * 86400}; SameSite=Strict`;
    theme.show();
  },
  show: () => {
    if (theme.get()) document.documentElement.dataset.theme = theme.get();
    else delete document.documentElement.dataset.theme;
  },
};
theme.show();
