/* JupyterLab's side of modelarts_nb. Written by hand, so that nothing has to be built: it is its own source.
 *
 * A prebuilt extension is a module federation container (JupyterLab documentation, "Prebuilt Extensions"): an object at
 * window._JUPYTERLAB[NAME] with init(shareScope) and get(module). The tokens come from the shared modules that JupyterLab
 * puts into that scope. Nothing here is needed by %load_ext modelarts_nb.
 */
(function () {
  'use strict';

  const NAME = 'modelarts-nb';
  const CELLS = 'modelarts_nb.cells'; // the comm over which the kernel asks for cells
  const MIME = 'text/x-dockerfile';
  const LINES = '%load_ext modelarts_nb\n%modelarts';
  const CLICK_COUNTS = 10000; // ms for which a click on "write" may be answered
  const WORDS = {
    en: { label: 'Custom image for ModelArts', caption: 'Choose a base image and packages; the form writes the cells', edit: 'Open the ModelArts form for this Dockerfile', category: 'Notebook' },
    zh: { label: 'ModelArts 自定义镜像', caption: '选择基础镜像和软件包，由表单生成单元格', edit: '用 ModelArts 表单打开此 Dockerfile', category: 'Notebook' }
  };
  const ICON =
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" width="16"><g class="jp-icon3" fill="#616161">' +
    '<path d="M12 2 3 6.5v11L12 22l9-4.5v-11L12 2Zm0 2.2 6.2 3.1L12 10.4 5.8 7.3 12 4.2ZM5 9.1l6 3v7.2l-6-3V9.1Zm8 10.2v-7.2l6-3v7.2l-6 3Z"/></g></svg>';

  let scope;

  async function shared(name) {
    const versions = (scope && scope[name]) || {};
    const found = Object.keys(versions)[0];
    if (!found) return null;
    return (await versions[found].get())();
  }

  // ---------------------------------------------------------------- cells that the form writes

  let clicked = null; // the button, its cell, and when: only the page in which it was pressed inserts

  function watchClicks() {
    document.documentElement.classList.add('ma-form-extended'); // hides the form's copy buttons
    document.addEventListener(
      'click',
      event => {
        const button = event.target instanceof Element && event.target.closest('.ma-form .ma-write');
        if (button) clicked = { node: button.closest('.jp-Cell'), at: Date.now() };
      },
      true
    );
  }

  function answer(tracker, comm, message) {
    const data = message.content.data || {};
    const texts = Array.isArray(data.cells) ? data.cells.filter(text => typeof text === 'string') : [];
    if (!clicked || Date.now() - clicked.at > CLICK_COUNTS) return; // another page's click
    tracker.forEach(panel => {
      const index = clicked ? panel.content.widgets.findIndex(cell => cell.node === clicked.node) : -1;
      if (index < 0) return;
      clicked = null;
      insert(panel.content, index, texts);
      comm.send({ inserted: texts.length });
    });
  }

  function insert(notebook, index, texts) {
    const cells = texts.map(text => ({ cell_type: 'code', source: text, metadata: {}, outputs: [], execution_count: null }));
    notebook.model.sharedModel.insertCells(index + 1, cells);
    notebook.activeCellIndex = index + 1;
    notebook.deselectAll();
    const first = notebook.widgets[index + 1];
    if (first) first.node.scrollIntoView({ block: 'nearest' });
  }

  function listen(tracker, panel) {
    const register = () => {
      const kernel = panel.sessionContext.session && panel.sessionContext.session.kernel;
      if (kernel) kernel.registerCommTarget(CELLS, (comm, message) => answer(tracker, comm, message));
    };
    panel.sessionContext.kernelChanged.connect(register);
    register();
  }

  // ---------------------------------------------------------------- %%dockerfile cells in colour

  const isDockerfile = cell => /^\s*%%dockerfile\b/.test(cell.model.sharedModel.getSource());
  const kernels = new WeakMap(); // a cell's MIME type as its kernel has it

  // An editor loads the language of a new MIME type and then shows it, also when another was set meanwhile: the one that loads
  // longest would win. So the language that is being left is waited for first.
  async function colour(languages, cell) {
    if (cell.model.type !== 'code' || isDockerfile(cell) === (cell.model.mimeType === MIME)) return;
    if (cell.model.mimeType !== MIME) kernels.set(cell, cell.model.mimeType);
    if (languages) await Promise.resolve(languages.getLanguage(cell.model.mimeType)).catch(() => null);
    await new Promise(done => setTimeout(done));
    if (cell.isDisposed || isDockerfile(cell) === (cell.model.mimeType === MIME)) return;
    if (cell.model.mimeType !== MIME) cell.model.mimeType = MIME;
    else if (kernels.has(cell)) cell.model.mimeType = kernels.get(cell);
  }

  function colours(languages, panel) {
    const known = new WeakSet();
    const all = () =>
      panel.content.widgets.forEach(cell => {
        if (!known.has(cell)) {
          known.add(cell);
          cell.model.contentChanged.connect(() => void colour(languages, cell));
          if (cell.model.mimeTypeChanged) cell.model.mimeTypeChanged.connect(() => void colour(languages, cell)); // the kernel's
        }
        void colour(languages, cell);
      });
    panel.context.ready.then(() => {
      if (panel.isDisposed) return;
      panel.content.model.cells.changed.connect(() => requestAnimationFrame(all));
      all();
    });
  }

  // ---------------------------------------------------------------- what a screen reader is told of the form

  function describe(form) {
    form.setAttribute('role', 'form');
    // Arrows and Enter are the field's, not the notebook's. (Lumino looks from the focused element upwards, and its keys for
    // command mode match the focused element itself.)
    form.querySelectorAll('input, select, textarea, button').forEach(field =>
      field.setAttribute('data-lm-suppress-shortcuts', 'true')
    );
    const title = form.querySelector('.ma-top b');
    if (title) form.setAttribute('aria-label', title.textContent);
    form.querySelectorAll('.ma-segments').forEach((field, number) => {
      const label = field.querySelector('.widget-label');
      const name = label && label.textContent ? label.textContent : '中文 / English';
      const box = field.querySelector('.widget-radio-box');
      if (!box || (box.getAttribute('aria-label') === name && box.querySelector('input[name]'))) return;
      box.setAttribute('role', 'radiogroup');
      box.setAttribute('aria-label', name);
      const group = 'ma-' + number + '-' + Math.random().toString(36).slice(2);
      box.querySelectorAll('input').forEach(input => (input.name = group)); // arrow keys move within a group
    });
    form.querySelectorAll('.ma-field').forEach(field => {
      const input = field.querySelector('input:not([type=radio]), select, textarea');
      if (input) input.setAttribute('aria-invalid', String(field.classList.contains('ma-bad')));
    });
  }

  function watchForms() {
    let waiting = false;
    new MutationObserver(() => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => {
        waiting = false;
        document.querySelectorAll('.ma-form').forEach(describe);
      });
    }).observe(document.body, { childList: true, subtree: true });
  }

  // ---------------------------------------------------------------- commands and the launcher

  async function openForm(app, lines) {
    const panel = await app.commands.execute('notebook:create-new', {
      cwd: '',
      kernelName: (app.serviceManager.kernelspecs.specs || {}).default
    });
    await panel.context.ready;
    await panel.sessionContext.ready;
    panel.content.activeCellIndex = 0;
    panel.content.widgets[0].model.sharedModel.setSource(lines);
    app.shell.activateById && app.shell.activateById(panel.id);
    await app.commands.execute('notebook:run-cell');
    return panel;
  }

  function editForm(app, tracker) {
    const panel = tracker.currentWidget;
    const cell = panel && panel.content.activeCell;
    const name = cell && /^\s*%%dockerfile[ \t]+([\w.-]+)/.exec(cell.model.sharedModel.getSource());
    if (!name) return;
    const index = panel.content.activeCellIndex;
    panel.content.model.sharedModel.insertCell(index + 1, {
      cell_type: 'code', source: '%modelarts form ' + name[1], metadata: {}, outputs: [], execution_count: null
    });
    panel.content.activeCellIndex = index;
    return app.commands.execute('notebook:run-cell').then(() => {
      panel.content.activeCellIndex = index + 1;
      return app.commands.execute('notebook:run-cell');
    });
  }

  async function plugins() {
    const notebook = await shared('@jupyterlab/notebook');
    const launcher = await shared('@jupyterlab/launcher');
    const translation = await shared('@jupyterlab/translation');
    const palette = await shared('@jupyterlab/apputils');
    const icons = await shared('@jupyterlab/ui-components');
    const editors = await shared('@jupyterlab/codemirror');
    const optional = [
      launcher && launcher.ILauncher, palette && palette.ICommandPalette, translation && translation.ITranslator,
      editors && editors.IEditorLanguageRegistry
    ];
    return {
      id: NAME + ':plugin',
      description: 'The form of modelarts_nb from the launcher, cells that it writes, and Dockerfile cells in colour.',
      autoStart: true,
      requires: [notebook.INotebookTracker],
      optional: optional.filter(Boolean),
      activate: (app, tracker, ...found) => {
        const by = token => (token ? found[optional.filter(Boolean).indexOf(token)] : null);
        activate(app, tracker, by(optional[0]), by(optional[1]), by(optional[2]), by(optional[3]), icons);
      }
    };
  }

  function activate(app, tracker, launcher, palette, translator, languages, icons) {
    const chinese = String((translator && translator.languageCode) || '').startsWith('zh');
    const words = chinese ? WORDS.zh : WORDS.en;
    const icon = icons && new icons.LabIcon({ name: NAME + ':icon', svgstr: ICON });
    watchClicks();
    watchForms();
    tracker.forEach(panel => (listen(tracker, panel), colours(languages, panel)));
    tracker.widgetAdded.connect((_, panel) => (listen(tracker, panel), colours(languages, panel)));
    app.commands.addCommand(NAME + ':new', {
      label: words.label, caption: words.caption, icon,
      execute: () => openForm(app, LINES)
    });
    app.commands.addCommand(NAME + ':edit', {
      label: words.edit,
      isEnabled: () => {
        const cell = tracker.activeCell;
        return !!cell && /^\s*%%dockerfile\b/.test(cell.model.sharedModel.getSource());
      },
      execute: () => editForm(app, tracker)
    });
    app.contextMenu.addItem({ command: NAME + ':edit', selector: '.jp-Notebook .jp-CodeCell', rank: 50 });
    // In this category JupyterLab shows a kernel's picture, by its address, and not the command's icon
    const picture = 'data:image/svg+xml,' + encodeURIComponent(ICON.replace('#616161', '#1565c0').replace('width="16"', 'width="52" height="52"'));
    if (launcher) launcher.add({ command: NAME + ':new', category: words.category, rank: 20, kernelIconUrl: picture });
    if (palette) {
      palette.addItem({ command: NAME + ':new', category: 'ModelArts' });
      palette.addItem({ command: NAME + ':edit', category: 'ModelArts' });
    }
  }

  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB[NAME] = {
    init: shareScope => {
      scope = shareScope;
    },
    get: async module => {
      if (module !== './extension') throw new Error('There is no ' + module + ' in ' + NAME + '.');
      const plugin = await plugins();
      return () => ({ __esModule: true, default: plugin });
    }
  };
})();
