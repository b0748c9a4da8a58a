/** What the page's script uses of the browser, since the rest of the program is compiled without one. */

export interface PageElement {
  textContent: string | null;
  className: string;
  hidden: boolean;
  disabled: boolean;
  open: boolean;
  value: string;
  readonly dataset: Record<string, string | undefined>;
  readonly children: ArrayLike<PageElement>;
  getAttribute(name: string): string | null;
  setAttribute(name: string, value: string): void;
  append(...nodes: (PageElement | string)[]): void;
  insertBefore(node: PageElement, before: PageElement | null): void;
  remove(): void;
  addEventListener(type: string, listener: (event: { preventDefault(): void }) => void): void;
}

export interface PageDocument {
  title: string;
  readonly body: PageElement;
  getElementById(id: string): PageElement | null;
  createElement(name: string): PageElement;
  createElementNS(namespace: string, name: string): PageElement;
}

export interface PageWindow {
  readonly document: PageDocument;
  readonly EventSource: new (
    url: string,
  ) => { onmessage?: (event: { data: string }) => void; onerror?: () => void; onopen?: () => void };
  fetch(url: string, options: object): Promise<{ ok: boolean; json(): Promise<unknown> }>;
  confirm(question: string): boolean;
}
