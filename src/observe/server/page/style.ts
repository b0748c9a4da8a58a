/** How the status page looks: light and dark, from a phone to a wide screen. Text and ground have a contrast of 4.5 at least. */

const COLOURS = {
  light: {
    ...{ ground: '#f6f8fa', panel: '#ffffff', text: '#1b2733', soft: '#4a5a6a', line: '#c9d2da', bar: '#2f6f9f' },
    ...{ healthy: '#17653a', degraded: '#7a4a00', silent: '#5b3a9e', failing: '#a3211b', stopped: '#7d1212' },
    ...{ paused: '#3d5166', on: '#ffffff' },
  },
  dark: {
    ...{ ground: '#12181f', panel: '#1b242d', text: '#e6edf3', soft: '#a9b7c4', line: '#3a4752', bar: '#6cb2e0' },
    ...{ healthy: '#7fd6a0', degraded: '#e8b45c', silent: '#c3a8ff', failing: '#ff9a92', stopped: '#ffb3ad' },
    ...{ paused: '#b6c6d6', on: '#12181f' },
  },
} as const;

function variables(colours: Readonly<Record<string, string>>): string {
  return Object.entries(colours)
    .map(([name, value]) => `--${name}:${value}`)
    .join(';');
}

const STATES = ['healthy', 'degraded', 'silent', 'failing', 'stopped', 'paused'];

export const STYLE = `
:root{color-scheme:light dark;${variables(COLOURS.light)}}
@media (prefers-color-scheme:dark){:root{${variables(COLOURS.dark)}}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--text);font:15px/1.45 system-ui,sans-serif}
header,main,footer{max-width:75rem;margin:0 auto;padding:.75rem 1rem}
header{display:flex;flex-wrap:wrap;gap:.25rem 1rem;align-items:baseline}
h1{font-size:1.4rem;margin:0}
h2{font-size:1.1rem;margin:1.5rem 0 .5rem}
h3{font-size:1rem;margin:0;font-weight:600;overflow-wrap:anywhere}
h4{font-size:.95rem;margin:1rem 0 .25rem}
p{margin:.25rem 0;overflow-wrap:anywhere}
.soft{color:var(--soft)}
.card{background:var(--panel);border:1px solid var(--line);border-radius:.5rem;margin:.5rem 0;padding:.75rem 1rem}
.state{display:inline-block;min-width:5.5rem;text-align:center;border-radius:.75rem;padding:.05rem .6rem;font-weight:600;color:var(--on)}
${STATES.map((state) => `.state.${state}{background:var(--${state})}`).join('\n')}
ul.plain{list-style:none;margin:0;padding:0}
details.card{padding:0}
summary{display:grid;grid-template-columns:1rem minmax(12rem,2fr) 6.5rem repeat(3,minmax(7rem,1fr)) 8rem;gap:.25rem 1rem;align-items:center;padding:.6rem 1rem;cursor:pointer;list-style:none}
summary::-webkit-details-marker{display:none}
summary::before{content:"▸";color:var(--soft)}
details[open]>summary::before{content:"▾"}
summary:focus-visible,button:focus-visible,input:focus-visible,.wide:focus-visible,a:focus-visible{outline:3px solid var(--bar);outline-offset:2px}
.inside{padding:0 1rem 1rem}
.label{display:block;font-size:.8rem;color:var(--soft)}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
caption{text-align:left;font-weight:600;padding:.25rem 0}
th,td{text-align:left;padding:.3rem .75rem .3rem 0;border-bottom:1px solid var(--line);vertical-align:top}
td.why{min-width:14rem;overflow-wrap:anywhere}
svg{display:block;width:100%;height:1.75rem}
svg path{fill:none;stroke:var(--bar);stroke-width:1.5;vector-effect:non-scaling-stroke}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(11rem,1fr));gap:.5rem 1rem;margin:.5rem 0}
dl div{min-width:0}
dl .long{grid-column:1/-1}
dt{font-size:.8rem;color:var(--soft)}
dd{margin:0;overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
progress{width:100%;height:.8rem;accent-color:var(--bar)}
button{font:inherit;color:var(--text);background:var(--ground);border:1px solid var(--soft);border-radius:.375rem;padding:.25rem .75rem;cursor:pointer;margin:.25rem .5rem .25rem 0}
input{font:inherit;color:var(--text);background:var(--ground);border:1px solid var(--soft);border-radius:.375rem;padding:.25rem .5rem;max-width:100%}
.skip{position:absolute;left:-100rem}
.skip:focus{left:1rem;top:.5rem;background:var(--panel);padding:.5rem;z-index:1}
[hidden]{display:none!important}
@media (max-width:55rem){
summary{grid-template-columns:1rem repeat(3,1fr);align-items:start}
summary>*{grid-column:2/-1}
summary>.fact{grid-column:auto}
summary>.fact:nth-child(3){grid-column:2}
}
`;
