// How requests are sent and answers are read. The same in every client.

/** How to reach the server, and what is the same for every call. */
export interface ClientOptions {
  /** Where the server is, such as `https://api.example.com`. */
  baseUrl?: string | URL | undefined;
  /** What proves who is calling. A function is asked anew for every call that needs it. */
  security?: Security | undefined;
  /** Headers of every request. */
  headers?: HeadersInit | undefined;
  /** Further settings of every request, such as `credentials` or `cache`. */
  init?: Omit<RequestInit, "method" | "headers" | "body" | "signal"> | undefined;
  /** What sends requests, unless it is the global `fetch`: for logging, retries, tests. */
  fetch?: ((url: string, init: RequestInit) => Promise<Response>) | undefined;
}

/** What may be different for one call. */
export interface CallOptions {
  /** Gives the call up: `AbortSignal.timeout(5_000)`, or that of an `AbortController`. */
  signal?: AbortSignal | undefined;
  /** Further headers. They win over others of the same name. */
  headers?: HeadersInit | undefined;
}

/** A proof of who is calling, or a function that gets one. Without one, the call is anonymous. */
export type Credential<Proof> = Proof | null | undefined | (() => MaybeProof<Proof> | Promise<MaybeProof<Proof>>);

type MaybeProof<Proof> = Proof | null | undefined;

/** An answer below 400. */
export interface Reply<Status extends number, Data, Names extends string = never> {
  readonly ok: true;
  readonly status: Status;
  readonly data: Data;
  readonly headers: KnownHeaders<Names>;
  readonly response: Response;
}

/** An answer from 400 up that the API documents. */
export interface Failure<Status extends number, Body> {
  readonly ok: false;
  readonly status: Status;
  readonly problem: Body;
  readonly headers: Headers;
  readonly response: Response;
  /** What is thrown where nobody asks for a `result`. */
  readonly error: ApiError;
}

/** Headers, of which some are documented. */
export interface KnownHeaders<Names extends string> extends Headers {
  get(name: Names): string | null;
  get(name: string): string | null;
}

/** An event of a stream (`text/event-stream`). */
export interface ServerEvent<Data = string> {
  /** What kind of event it is; `message` unless it says so. */
  event: string;
  data: Data;
  /** The last id that the stream has named; empty before. */
  id: string;
}

/** What a field of a form with files may be. */
export type FormValue = string | number | boolean | Blob | null | undefined | readonly (string | number | boolean | Blob)[];

/** An answer that is none of those which the call can return. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly status: number;
  /** What the server says of it. None where its answer is not what the API documents: from a proxy, for example. */
  readonly problem: ErrorBody | undefined;
  readonly headers: Headers;
  readonly response: Response;

  constructor(response: Response, problem: ErrorBody | undefined, options?: ErrorOptions) {
    super(messageOf(response, problem), options);
    this.status = response.status;
    this.problem = problem;
    this.headers = response.headers;
    this.response = response;
  }
}

/**
 * A call on its way.
 *
 * - `await call` is the body of a success; everything else is thrown.
 * - `await call.withResponse()` is the same with status and headers.
 * - `await call.result()` is what the API documents, successes and failures; only what it does not document is thrown.
 */
export class Call<Data, Good extends Reply<number, unknown, string>, Bad extends Failure<number, unknown> = never>
  implements Promise<Data>
{
  readonly [Symbol.toStringTag] = "Call";
  readonly #outcome: Promise<Good | Bad>;

  constructor(outcome: Promise<Good | Bad>) {
    this.#outcome = outcome;
  }

  /** Status, headers and body, or the documented failure. */
  result(): Promise<Good | Bad> {
    return this.#outcome;
  }

  /** Status, headers and body of an answer below 400. */
  async withResponse(): Promise<Good> {
    const outcome = await this.#outcome;
    if (outcome.ok) return outcome;
    throw outcome.error;
  }

  async #data(): Promise<Data> {
    const reply = await this.withResponse();
    if (reply.status >= 300) throw new ApiError(reply.response, undefined);
    return reply.data as Data;
  }

  then<Done = Data, Failed = never>(
    onfulfilled?: ((value: Data) => Done | PromiseLike<Done>) | null,
    onrejected?: ((reason: unknown) => Failed | PromiseLike<Failed>) | null,
  ): Promise<Done | Failed> {
    return this.#data().then(onfulfilled, onrejected);
  }

  catch<Failed = never>(onrejected?: ((reason: unknown) => Failed | PromiseLike<Failed>) | null): Promise<Data | Failed> {
    return this.#data().catch(onrejected);
  }

  finally(onfinally?: (() => void) | null): Promise<Data> {
    return this.#data().finally(onfinally);
  }
}

/** A call whose answer comes piece by piece: `for await (const item of call)`. */
export class StreamCall<Item, Good extends Reply<number, unknown, string>, Bad extends Failure<number, unknown> = never>
  extends Call<AsyncIterable<Item>, Good, Bad>
  implements AsyncIterable<Item>
{
  async *[Symbol.asyncIterator](): AsyncGenerator<Item, void, undefined> {
    yield* await this.then();
  }
}

/** How a body is read. */
type Kind = "none" | "any" | "json" | "text" | "blob" | "lines" | "events" | "json-events";

/** How an operation is asked and answered. */
interface Operation {
  readonly method: string;
  /** Names of the input in braces. */
  readonly path: string;
  /** Names of the input; one that another place has as well is called `query:…`. */
  readonly query?: readonly string[];
  /** Those of `query` whose values have commas between them. */
  readonly commas?: readonly string[];
  /** Names of the input, and those of the headers. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Headers that have one value only, such as the version of the API that this is the client of. */
  readonly constants?: Readonly<Record<string, string>>;
  /** Names of the input, and those of the cookies. */
  readonly cookies?: Readonly<Record<string, string>>;
  /** The media types of its body, the usual one first. */
  readonly body?: readonly string[];
  /** What proves who is calling: one of these sets. */
  readonly security?: readonly (readonly string[])[];
  /** What it answers, by status or `default`. */
  readonly replies: Readonly<Record<string, Kind>>;
  /** The media type that is wanted. */
  readonly accept?: string;
  /** The statuses of its documented failures. */
  readonly failures?: readonly number[];
}

type Scheme =
  | { readonly type: "bearer" }
  | { readonly type: "basic" }
  | { readonly type: "key"; readonly in: "header" | "query" | "cookie"; readonly name: string };

class Transport {
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  /** What comes of it is what the types of the operation say. */
  async send(operation: Operation, input: object, options: CallOptions = {}): Promise<never> {
    const values = input as Readonly<Record<string, unknown>>;
    const path = pathOf(operation, values);
    const query = queryOf(operation, values);
    const headers = new Headers(this.#options.headers);
    const given = headers.get("Cookie");
    const cookies: string[] = given === null ? [] : [given];
    if (operation.accept !== undefined) headers.set("Accept", operation.accept);
    for (const [name, value] of Object.entries(operation.constants ?? {})) headers.set(name, value);
    for (const [key, name] of Object.entries(operation.headers ?? {})) {
      const value = own(values, key);
      if (value !== undefined && value !== null) headers.set(name, textOf(value));
    }
    for (const [key, name] of Object.entries(operation.cookies ?? {})) {
      const value = own(values, key);
      if (value !== undefined && value !== null) cookies.push(`${name}=${encodeURIComponent(textOf(value))}`);
    }
    await this.#prove(operation, headers, query, cookies);
    // Browsers send the cookies that they have, and do not let a script set this header.
    if (cookies.length > 0) headers.set("Cookie", cookies.join("; "));
    const init: RequestInit = { ...this.#options.init, method: operation.method, headers };
    if (operation.body !== undefined && own(values, "body") !== undefined) {
      const chosen = own(values, "contentType");
      const mediaType = typeof chosen === "string" ? chosen : operation.body[0];
      init.body = bodyOf(mediaType ?? "*/*", own(values, "body"), headers);
      // A stream has no length that could be sent first, and the standard wants that to be said.
      if (init.body instanceof ReadableStream) Object.assign(init, { duplex: "half" });
    }
    new Headers(options.headers).forEach((value, name) => headers.set(name, value));
    if (options.signal) init.signal = options.signal;
    const base = String(this.#options.baseUrl ?? BASE_URL).replace(/\/+$/, "");
    const search = query.size() > 0 ? `?${query.text()}` : "";
    const fetch = this.#options.fetch ?? globalThis.fetch;
    const response = await fetch(`${base}${path}${search}`, init);
    return (await outcomeOf(operation, response)) as never;
  }

  /** Adds the first set of proofs that is complete. */
  async #prove(operation: Operation, headers: Headers, query: Query, cookies: string[]): Promise<void> {
    const known: Readonly<Record<string, Credential<unknown>>> = { ...this.#options.security };
    // Several sets may want the same one: it is got once.
    const got = new Map<string, unknown>();
    for (const names of operation.security ?? []) {
      const proofs: [Scheme, unknown][] = [];
      for (const name of names) {
        const scheme = own(SCHEMES, name);
        const credential = own(known, name);
        if (!got.has(name)) got.set(name, typeof credential === "function" ? await credential() : credential);
        const proof = got.get(name);
        if (scheme !== undefined && proof !== undefined && proof !== null) proofs.push([scheme, proof]);
      }
      if (proofs.length < names.length) continue;
      for (const [scheme, proof] of proofs) prove(scheme, proof, headers, query, cookies);
      return;
    }
  }
}

function prove(scheme: Scheme, proof: unknown, headers: Headers, query: Query, cookies: string[]): void {
  if (scheme.type === "bearer") {
    headers.set("Authorization", `Bearer ${String(proof)}`);
  } else if (scheme.type === "basic") {
    const { username, password } = proof as { username: string; password: string };
    const bytes = new TextEncoder().encode(`${username}:${password}`);
    headers.set("Authorization", `Basic ${btoa(String.fromCharCode(...bytes))}`);
  } else if (scheme.in === "header") {
    headers.set(scheme.name, String(proof));
  } else if (scheme.in === "query") {
    query.add(scheme.name, String(proof));
  } else {
    cookies.push(`${scheme.name}=${String(proof)}`);
  }
}

/** A query string. Commas and colons stay as they are: they separate values in it. */
class Query {
  readonly #pairs: string[] = [];

  add(name: string, value: string): void {
    const plain = encodeURIComponent(value).replace(/%2C/g, ",").replace(/%3A/g, ":");
    this.#pairs.push(`${encodeURIComponent(name)}=${plain}`);
  }

  size(): number {
    return this.#pairs.length;
  }

  text(): string {
    return this.#pairs.join("&");
  }
}

function pathOf(operation: Operation, values: Readonly<Record<string, unknown>>): string {
  return operation.path.replace(/\{([^}]+)\}/g, (_, key: string) => {
    const value = own(values, key);
    const text = value === undefined || value === null ? "" : textOf(value);
    // These would lead to another address, and perhaps to the whole list instead of one of it.
    if (text === "" || text === "." || text === "..") {
      throw new TypeError(`\`${key}\` of ${operation.method} ${operation.path} must not be ${JSON.stringify(text)}`);
    }
    return encodeURIComponent(text);
  });
}

function queryOf(operation: Operation, values: Readonly<Record<string, unknown>>): Query {
  const query = new Query();
  for (const key of operation.query ?? []) {
    const value = own(values, key);
    const name = key.replace(/^query:/, "");
    if (value === undefined || value === null) continue;
    if (!Array.isArray(value)) query.add(name, textOf(value));
    else if (!operation.commas?.includes(key)) value.forEach((one: unknown) => query.add(name, textOf(one)));
    else if (value.length > 0) query.add(name, value.map(textOf).join(","));
  }
  return query;
}

/** What an object has itself: every object inherits `constructor`, `toString` and more. */
function own<Value>(object: Readonly<Record<string, Value>>, key: string): Value | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

function textOf(value: unknown): string {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function bodyOf(mediaType: string, body: unknown, headers: Headers): BodyInit {
  if (isJson(mediaType)) {
    headers.set("Content-Type", mediaType);
    return JSON.stringify(body);
  }
  if (mediaType === "multipart/form-data") {
    if (body instanceof FormData) return body;
    const form = new FormData();
    fieldsOf(body, (name, value) => form.append(name, value instanceof Blob ? value : textOf(value)));
    return form;
  }
  if (mediaType === "application/x-www-form-urlencoded") {
    if (body instanceof URLSearchParams) return body;
    const form = new URLSearchParams();
    fieldsOf(body, (name, value) => form.append(name, textOf(value)));
    return form;
  }
  if (!mediaType.includes("*") && !(body instanceof Blob && body.type !== "")) headers.set("Content-Type", mediaType);
  return body as BodyInit;
}

function fieldsOf(body: unknown, add: (name: string, value: unknown) => void): void {
  for (const [name, value] of Object.entries(body as object)) {
    for (const one of Array.isArray(value) ? (value as unknown[]) : [value as unknown]) {
      if (one !== undefined && one !== null) add(name, one);
    }
  }
}

function isJson(mediaType: string): boolean {
  return /^[^;]*[/+]json\s*(;|$)/i.test(mediaType);
}

async function outcomeOf(operation: Operation, response: Response): Promise<unknown> {
  const { status, headers } = response;
  if (status >= 400) {
    const json = isJson(headers.get("Content-Type") ?? "");
    const body = json ? await read(response, () => response.json()) : await dropped(response);
    const problem = body as ErrorBody | undefined;
    const error = new ApiError(response, problem);
    if (!json || !operation.failures?.includes(status)) throw error;
    return { ok: false, status, problem, headers, response, error };
  }
  const kind = own(operation.replies, String(status)) ?? own(operation.replies, "default");
  if (kind === undefined) {
    await dropped(response);
    throw new ApiError(response, undefined);
  }
  return { ok: true, status, data: await read(response, () => dataOf(kind, response)), headers, response };
}

/** What cannot be read is not what the API documents; what has been given up is told as it is. */
async function read(response: Response, reading: () => unknown): Promise<unknown> {
  try {
    return await reading();
  } catch (cause) {
    if (cause instanceof SyntaxError) throw new ApiError(response, undefined, { cause });
    throw cause;
  }
}

async function dataOf(kind: Kind, response: Response): Promise<unknown> {
  switch (kind) {
    case "any":
      return anyOf(response);
    case "json":
      return response.json();
    case "text":
      return response.text();
    case "blob":
      return response.blob();
    case "lines":
      return jsonLinesOf(response);
    case "events":
      return eventsOf(response, (text) => text);
    case "json-events":
      return eventsOf(response, (text) => JSON.parse(text) as unknown);
    case "none":
      return dropped(response);
  }
}

/** Nobody wants the body: what comes nevertheless is not waited for, and the connection is free again. */
async function dropped(response: Response): Promise<undefined> {
  // That it has broken off already is nothing to be told.
  await response.body?.cancel().catch(() => undefined);
  return undefined;
}

async function anyOf(response: Response): Promise<unknown> {
  const mediaType = response.headers.get("Content-Type");
  if (mediaType === null) return dataOf("none", response);
  if (isJson(mediaType)) return response.json();
  return mediaType.startsWith("text/") ? response.text() : response.blob();
}

/** How long a line or an event may be, in characters: a stream that never ends one must not fill the memory. */
const LONGEST = 64 * 1024 * 1024;

async function* linesOf(response: Response): AsyncGenerator<string, void, undefined> {
  if (response.body === null) return;
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let line = "";
  let held = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      const text = held + decoder.decode(value, { stream: !done });
      // A carriage return at the end of a piece may be the first half of a line end.
      held = !done && text.endsWith("\r") ? "\r" : "";
      const ends = text.slice(0, text.length - held.length).split(/\r\n|\n|\r/);
      const rest = ends.pop() ?? "";
      for (const end of ends) {
        yield line + end;
        line = "";
      }
      // What has been searched is only added to, so that a long line takes no longer than many short ones.
      line += rest;
      if (line.length > LONGEST) throw tooLong(response);
      if (done) break;
    }
    if (line !== "") yield line;
  } finally {
    // Whoever stops in the middle does not want the rest.
    await reader.cancel();
  }
}

function tooLong(response: Response): ApiError {
  const cause = new RangeError(`a line or an event has more than ${LONGEST} characters`);
  return new ApiError(response, undefined, { cause });
}

async function* jsonLinesOf(response: Response): AsyncGenerator<unknown, void, undefined> {
  for await (const line of linesOf(response)) {
    if (line.trim() !== "") yield await read(response, () => JSON.parse(line) as unknown);
  }
}

/** https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation */
async function* eventsOf(
  response: Response,
  parse: (text: string) => unknown,
): AsyncGenerator<ServerEvent<unknown>, void, undefined> {
  let event = "";
  let id = "";
  let data: string[] = [];
  let length = 0;
  for await (const line of linesOf(response)) {
    if (line === "") {
      const text = data.join("\n");
      if (data.length > 0) yield { event: event || "message", data: await read(response, () => parse(text)), id };
      event = "";
      data = [];
      length = 0;
      continue;
    }
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") event = value;
    else if (field === "data") data.push(value);
    else if (field === "id" && !value.includes("\0")) id = value;
    if (field === "data") length += value.length + 1;
    if (length > LONGEST) throw tooLong(response);
  }
}

function messageOf(response: Response, problem: unknown): string {
  const said: Readonly<Record<string, unknown>> = typeof problem === "object" && problem !== null ? { ...problem } : {};
  const text = [...["detail", "title", "message"].map((key) => own(said, key)), response.statusText];
  const known = text.find((one) => typeof one === "string" && one !== "");
  return known === undefined ? String(response.status) : `${response.status}: ${String(known)}`;
}
