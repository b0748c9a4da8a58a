/** Pipelines with their state, ready to run, each with somebody who watches it. */
import { type Built, build, type Line, toPipeline } from '../../build.ts';
import type { Pipeline } from '../../pipeline.ts';
import { openState } from '../../state/sqlite.ts';
import type { StateStore } from '../../state/store.ts';
import { createWatch, observed, type Watch } from '../../watch.ts';
import type { Session } from './session.ts';

export interface Running {
  pipeline: Pipeline;
  line: Line;
  watch: Watch;
}

export interface Opened {
  built: Built;
  store: StateStore;
  running: Running[];
  close(): Promise<void>;
}

/** Takes the state for itself; throws when another process has it. */
export function openPipelines(session: Session, choose: (lines: Line[]) => Line[] = (lines) => lines): Opened {
  const { config, tools } = session;
  const built = build(config, tools);
  const lines = choose(built.lines);
  const store = openState({ path: config.state.path, now: tools.now, exclusive: true });
  const running = lines.map((line): Running => {
    const watch = createWatch(line.name, tools.now);
    const watched = { ...line, registered: observed(line.registered, watch) };
    return {
      line,
      watch,
      pipeline: toPipeline(watched, built, config, store.pipeline(line.name), tools, watch.events),
    };
  });
  return {
    built,
    store,
    running,
    async close() {
      try {
        await built.close();
      } finally {
        store.close();
      }
    },
  };
}
