/** What a mapping outside imports as `sluice/mapping`: reading values tolerantly, and writing only what fits ECS. */
export * from './ecs.ts';
export * from './ecs-document.ts';
export * from './ecs-frame.ts';
export * from './ecs-time.ts';
