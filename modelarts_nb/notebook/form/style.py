"""The form's style sheet: ipywidgets' own elements, laid out in two columns, in JupyterLab's fonts and colours.

Groups of choices are radio buttons (the keyboard and screen readers know them) that look like one segmented button.
"""

from __future__ import annotations

STYLE = """<style>
.ma-form{--ma-text:var(--jp-content-font-color1,#212121);--ma-dim:#616161;
--ma-edge:var(--jp-border-color2,#e0e0e0);--ma-strong:var(--jp-border-color1,#bdbdbd);
--ma-panel:var(--jp-layout-color1,#fff);
--ma-faint:var(--jp-cell-editor-background,#f5f6f8);--ma-accent:#1565c0;--ma-on:#fff;--ma-bad:#b3261e;--ma-good:#2e7d32;
border:1px solid var(--ma-edge);border-radius:6px;max-width:980px;width:auto;overflow:hidden;background:var(--ma-panel);
color:var(--ma-text);font-family:var(--jp-ui-font-family,system-ui,sans-serif);font-size:13px;line-height:1.5;margin:0;
container-type:inline-size}
[data-jp-theme-light=false] .ma-form{--ma-dim:#a2abb4;--ma-accent:#7ab7f5;--ma-on:#0b1116;--ma-bad:#ff8a80;
--ma-good:#7bc67f}
.ma-form .widget-html,.ma-form .widget-html-content{margin:0;line-height:1.5;font-size:13px;height:auto;min-height:0;
overflow:visible}
.ma-form .ma-style{display:none}
.ma-form .ma-top{display:flex;flex-direction:row;align-items:center;justify-content:space-between;
padding:8px 14px;border-bottom:1px solid var(--ma-edge);overflow:visible;margin:0}
.ma-form .ma-top b{font-weight:600}
.ma-form .ma-two{display:grid;grid-template-columns:minmax(0,11fr) minmax(0,10fr);margin:0;overflow:visible;
align-items:stretch}
.ma-form .ma-left{padding:12px 14px;overflow:visible;margin:0;gap:8px}
.ma-form .ma-right{background:var(--ma-faint);border-left:1px solid var(--ma-edge);overflow:hidden;margin:0;min-width:0}
@container (max-width:760px){.ma-form .ma-two{grid-template-columns:minmax(0,1fr)}
.ma-form .ma-right{border-left:0;border-top:1px solid var(--ma-edge)}}
.ma-form .ma-field{display:grid;grid-template-columns:104px minmax(0,1fr);gap:14px;align-items:center;width:auto;margin:0;
height:auto;
min-height:28px;padding:0!important;overflow:visible;flex:none}
.ma-form .ma-gone{display:none!important}
.ma-form .ma-field>.widget-label{display:block!important;width:auto;min-width:0;max-width:none;text-align:right;
color:var(--ma-dim);margin:0;padding:0;font-size:13px;height:auto;line-height:1.4;white-space:normal}
.ma-form .ma-field.widget-textarea{align-items:start}.ma-form .ma-field.widget-textarea>.widget-label{padding-top:5px}
.ma-form .ma-field>select,.ma-form .ma-field>input,.ma-form .ma-field>textarea,.ma-form .ma-field .widget-combobox>input{
box-sizing:border-box;width:100%;min-width:0;margin:0;height:28px;padding:3px 9px;border:1px solid var(--ma-strong);
border-radius:4px;background-color:var(--ma-panel);color:var(--ma-text);font:inherit;font-size:13px;box-shadow:none}
.ma-form .ma-field>textarea{height:94px;font-family:var(--jp-code-font-family,monospace);font-size:12px;line-height:1.45;
resize:vertical;white-space:pre}
.ma-form .ma-field>select{padding:0 26px 0 9px;line-height:26px;text-overflow:ellipsis;appearance:none;
-webkit-appearance:none;
background-image:linear-gradient(45deg,transparent 50%,var(--ma-dim) 50%),
linear-gradient(135deg,var(--ma-dim) 50%,transparent 50%);background-repeat:no-repeat;background-size:5px 5px;
background-position:calc(100% - 15px) 11px,calc(100% - 10px) 11px}
.ma-form :is(select,input,textarea):focus-visible,.ma-form button:focus-visible,.ma-form pre:focus-visible{
outline:2px solid var(--ma-accent);outline-offset:1px;border-color:var(--ma-accent)}
.ma-form .ma-bad>:is(select,input,textarea){border-color:var(--ma-bad);box-shadow:0 0 0 1px var(--ma-bad)}
.ma-form .ma-segments .widget-radio-box{display:inline-flex!important;flex-direction:row;flex-wrap:nowrap;width:fit-content;
margin:0;border:1px solid var(--ma-strong);border-radius:4px;overflow:hidden;flex-grow:0;padding:0;height:26px;
margin:0!important}
.ma-form .ma-segments .widget-radio-box label{position:relative;height:26px;line-height:26px;padding:0 12px;margin:0;
font-size:13px;color:var(--ma-text);background:var(--ma-panel);white-space:nowrap;cursor:pointer;width:auto}
.ma-form .ma-segments .widget-radio-box label+label{border-left:1px solid var(--ma-strong)}
.ma-form .ma-segments .widget-radio-box input{position:absolute;inset:0;width:100%;height:100%;margin:0;opacity:0;
cursor:pointer}
.ma-form .ma-segments .widget-radio-box label:has(input:checked){background:var(--ma-accent);color:var(--ma-on)}
.ma-form .ma-segments .widget-radio-box label:has(input:focus-visible){box-shadow:inset 0 0 0 2px var(--ma-panel);
outline:2px solid var(--ma-accent);outline-offset:-1px}
.ma-form .ma-lang{grid-template-columns:auto;min-height:0}.ma-form .ma-lang>.widget-label{display:none!important}
.ma-form .ma-buttons{display:flex;flex-direction:row;flex-wrap:wrap;gap:8px;margin:2px 0 0 118px;overflow:visible}
.ma-form .ma-buttons button{width:auto;flex:none;overflow:visible;text-overflow:clip;height:28px;line-height:26px;
padding:0 14px;margin:0;border-radius:4px;font-size:13px;
background:var(--ma-panel);border:1px solid var(--ma-strong);color:var(--ma-text);box-shadow:none}
.ma-form .ma-buttons button.ma-write{background:var(--ma-accent);border-color:var(--ma-accent);color:var(--ma-on);
font-weight:500}
.ma-form .ma-buttons button:disabled{opacity:1;background:var(--ma-faint);border-color:var(--ma-strong);color:var(--ma-dim);
cursor:not-allowed}
.ma-form .ma-messages{margin:0 0 0 118px;width:auto}
.ma-form .ma-problems{list-style:none;margin:0;padding:0;font-size:12px;line-height:1.45}
.ma-form .ma-problems li{display:flex;gap:8px;margin:0 0 3px;color:var(--ma-dim);overflow-wrap:anywhere}
.ma-form .ma-problems li b{font-weight:600}
.ma-form .ma-problems li>span:first-child{flex:none;width:12px;text-align:center}
.ma-form .ma-problems .ma-error{color:var(--ma-bad)}.ma-form .ma-problems .ma-good{color:var(--ma-good)}
.ma-form .ma-cells{padding:10px 14px 14px}
.ma-form .ma-cell+.ma-cell{margin-top:10px}
.ma-form .ma-cell-head{display:flex;justify-content:space-between;align-items:center;color:var(--ma-dim);font-size:11px;
min-height:18px}
.ma-form .ma-cell pre{margin:0;padding:2px 0;background:none;border:0;overflow-x:auto;white-space:pre-wrap;
overflow-wrap:anywhere;word-break:normal;color:var(--ma-text)}
.ma-form .ma-cell code{word-break:normal;white-space:inherit;font-family:var(--jp-code-font-family,monospace);
font-size:12px;line-height:1.55;background:none;
padding:0;color:inherit}
.ma-form .ma-word{color:var(--ma-accent)}.ma-form .ma-comment{color:var(--ma-dim)}
.ma-form button.ma-copy{font-size:11px;line-height:16px;height:18px;padding:0 8px;margin:0;
border:1px solid var(--ma-strong);
border-radius:3px;background:var(--ma-panel);color:var(--ma-text);box-shadow:none;width:auto}
.ma-form-extended .ma-form .ma-copy{display:none}
</style>"""
