// Types of the gateway's answers and of what the modules share. For the type checker only: no browser loads this file.

/** A value of telemetry, or of a command's argument. */
export type Value = number | string | boolean;

export type Role = "owner" | "operator" | "user" | "viewer";

/** One value of one name at one time, in Unix seconds. */
export interface Reading {
  /** null: unknown since the board started again. */
  value: Value | null;
  time: number;
}

/** What one argument of a command accepts: `argument` in protocol.json. */
export interface ArgumentRule {
  type?: "number" | "integer" | "string" | "boolean";
  min?: number;
  max?: number;
  step?: number;
  unit?: string;
  choices?: Value[];
  default?: Value;
  title?: string;
  /** Titles of the choices. */
  options?: Record<string, string>;
}

/** What a maker, or somebody in the page, says of a command or a value: `words` in protocol.json. */
export interface Words {
  /** In one language, or in several by their codes. */
  title?: string | Record<string, string>;
  icon?: string;
  order?: number;
  section?: string;
  /** Whether to ask before the command, or the question. */
  confirm?: boolean | string;
  unit?: string;
  step?: number;
  /** Digits after the point. */
  precision?: number;
  /** The value of telemetry that shows where a command stands. */
  state?: string;
  /** Titles of the values. */
  options?: Record<string, string>;
}

export type Arguments = Record<string, Value>;

/** What one reported value means: `measurement` in protocol.json. */
export interface MeasurementRule {
  unit?: string;
  title?: string;
}

/** A serial port of Web Serial, as far as it is used. */
export interface BoardPort {
  open(options: { baudRate: number }): Promise<void>;
  close(): Promise<void>;
  readonly readable: ReadableStream<Uint8Array> | null;
  readonly writable: WritableStream<Uint8Array> | null;
  setSignals?(signals: { dataTerminalReady: boolean; requestToSend: boolean }): Promise<void>;
  getInfo?(): { usbVendorId?: number };
}

/** navigator.serial, as far as it is used. */
export interface SerialPorts {
  requestPort(): Promise<BoardPort>;
  getPorts(): Promise<BoardPort[]>;
}

/** Tells what happens, by the key of a sentence, and how much of it is done: 0 to 1. */
export type Progress = (key: string, part?: number) => void;

declare global {
  /** Of the File System Access API, which some browsers lack. */
  function showDirectoryPicker(options: { id: string; mode: "readwrite" }): Promise<FileSystemDirectoryHandle>;
}

/** A system that boards are shown to. */
export type System = "home_assistant" | "mqtt" | "metrics";

/** One device, as GET /api/devices has it. Times are Unix seconds; texts come from the board and are not trusted. */
export type Protection = "encrypted" | "token_protected" | "open";

export interface Device {
  id: string;
  kind: string;
  sends_frames: boolean;
  label: string | null;
  groups: string[];
  hidden_from?: System[];
  online: boolean;
  since: number | null;
  /** What a listener on the network learns of its link; null while it is away. */
  protection?: Protection | null;
  first_seen: number;
  last_seen: number;
  /** The code with which its last link was closed; null while it is online, or if that is not known. */
  last_end: number | null;
  address: string | null;
  version: string | null;
  board: string | null;
  ip: string | null;
  mac?: string | null;
  reset_cause: string | null;
  rssi_dbm: number | null;
  heap_free_bytes: number | null;
  uptime_s: number | null;
  /** What it says of the release that runs; null while it is away. */
  program?: { state?: string; release?: string; reason?: string } | null;
  commands: Record<string, Record<string, ArgumentRule> | null>;
  last_args: Record<string, Arguments>;
  telemetry: Record<string, MeasurementRule>;
  words?: { commands?: Record<string, Words>; telemetry?: Record<string, Words> };
  values: Record<string, Reading>;
}

/** The new readings of one device. */
export interface TelemetryReport {
  id: string;
  time: number;
  values: Record<string, Value>;
}

/** One point of a plot: time in Unix seconds, then mean, lowest, highest and number of readings. */
export type Point = [timeS: number, mean: number, low: number, high: number, count: number];

export interface Series {
  from: number;
  to: number;
  points: Point[];
}

/** One line of a device's log. */
export interface LogLine {
  time: number;
  level: string;
  message: string;
}

export interface JournalEntry {
  id: number;
  /** When the gateway heard of it, and when it happened. */
  time: number;
  happened: number;
  device?: string | null;
  kind?: string | null;
  address?: string | null;
  direction: string;
  type: string;
  payload: string;
}

export interface JournalPage {
  rows: JournalEntry[];
  older: number | null;
  newer: number | null;
}

export interface Token {
  id: string;
  kind: string;
  state: "live" | "expired" | "revoked";
  label: string;
  device: string | null;
  created: number;
  last_used: number | null;
}

/** Boards that somebody may see, and the commands of theirs that a user may send; null: all. */
export interface Grant {
  group: string | null;
  commands: string[] | null;
}

/** What a reader with limits may see and use: the boards of groups, or one dashboard. */
export interface Limits {
  grants: Grant[];
  layout: string | null;
  may_command: boolean;
}

export interface Person {
  /** That they chose; null: none. */
  language: "en" | "fa" | null;
  id: string;
  name: string;
  role: Role;
  grants: Grant[];
  sessions: number;
  last_used: number | null;
  is_you: boolean;
}

export interface Invitation {
  id: string;
  label: string;
  role: Role;
  grants: Grant[];
  layout: string | null;
  uses_max: number;
  uses: number;
  expires: number;
  state: "live" | "used" | "expired";
}

/** A new link: the secret is behind # of its path. */
export interface IssuedLink {
  path: string;
  address: string | null;
  is_public: boolean;
  expires: number;
}

export interface BrowserSession {
  id: string;
  role: Role;
  agent: string;
  last_used: number;
  last_address: string | null;
  name: string;
  is_yours: boolean;
}

export interface Enrolment {
  is_open: boolean;
  seconds_left: number;
  policy: "window" | "always" | "never";
  address: string | null;
  is_public: boolean;
}

/** The newest crash of a group, as far as its board could tell. */
export interface CrashReport {
  device: string;
  time: number;
  traceback: string;
  boot_id: string;
  reset_cause: string | null;
  release: string;
  ran_ms: number | null;
  heap_free_bytes: number | null;
  heap_largest_bytes: number | null;
  log: string[];
}

/** What programs of boards died of: how often, by device and by release. */
export interface Crash {
  id: string;
  reason: string;
  title: string;
  count: number;
  first_seen: number;
  last_seen: number;
  devices: Record<string, number>;
  releases: Record<string, number>;
  report: CrashReport;
}

export interface Release {
  number: number;
  name: string;
  created: number;
  files: number;
  size_bytes: number;
  changes: Record<string, string>;
}

export interface RolloutTarget {
  device: string;
  state: string;
  reason: string;
  tries: number;
  changed: number;
}

export interface Rollout {
  number: number;
  release: number;
  state: string;
  reason: string;
  created: number;
  counts: Record<string, number>;
  targets: RolloutTarget[];
}

/** The events of the store, by name, with their details. */
/** A rule that came true for a device; times are Unix seconds. */
export interface Alert {
  id: string;
  rule: string;
  /** null: the gateway */
  device: string | null;
  title: string;
  what: string;
  value: Value | null;
  since: number;
  began: number;
  ended: number | null;
  acknowledged: number | null;
  is_escalated: boolean;
}

/** A rule of alerts. */
export interface AlertRule {
  id: string;
  title: string;
  when: string;
  device: string | null;
  group: string | null;
  value: string | null;
  threshold: Value | null;
  for_s: number;
  event: string | null;
  is_on: boolean;
  sentence: string;
}

/** What became of a rule once. */
export interface RuleRun {
  time: number;
  cause: "condition" | "time" | "by_hand" | "missed";
  device: string | null;
  is_ok: boolean;
  detail: string;
}

/** A card of a dashboard: of a board, or of each board of a group. */
export interface LayoutCard {
  kind: string;
  device: string | null;
  group: string | null;
  name: string | null;
  text: string;
  is_wide: boolean;
  /** The ends of a gauge. */
  low?: number | null;
  high?: number | null;
}

/** A dashboard that people made; each change has a number. */
export interface Layout {
  id: string;
  title: string;
  cards: LayoutCard[];
  edition: number;
}

/** What the gateway does by itself. */
export interface Rule {
  id: string;
  title: string;
  when: string;
  device: string | null;
  group: string | null;
  value: string | null;
  threshold: Value | null;
  hysteresis: number;
  for_s: number;
  at: string | null;
  days: string[];
  missed: string;
  command: string | null;
  args: Arguments;
  to_device: string | null;
  to_group: string | null;
  message: string | null;
  channels: string[] | null;
  is_on: boolean;
  runs: RuleRun[];
  sentence: string;
  next: number | null;
}

/** A way in which people are told, without its secrets. */
export interface AlertChannel {
  name: string;
  address: string;
  waiting: number;
  error: string | null;
}

/** Whether this browser is told of alerts, and the gateway's key for that. */
export interface PushState {
  is_subscribed: boolean;
  language: string | null;
  waiting: number;
  error: string | null;
  public_key: string | null;
  is_session: boolean;
}

export interface StoreEvents {
  /** Devices were added or removed, or the whole list was loaded. */
  devices: undefined;
  /** One device changed; its id. */
  device: string;
  /** A device connected that was not known; its id. */
  arrived: string;
  telemetry: TelemetryReport;
  ack: { device: string };
  frames: { device: string };
  /** An alert of a device, or of the gateway, began, ended or was acknowledged. */
  alert: { device: string | null };
  /** A rollout, or a board of it, has another state. */
  rollout: { device: string | null; rollout: number; release: number; state: string; reason: string };
  log: { device: string; time: number; level?: string; message: string };
  /** A device reported why its program died; its id. */
  crash: string;
  /** The stream of events began; the gateway's time. */
  hello: { time: number };
  /** Events are missing, or messages of a device that never arrived; how many, if known. */
  gap: { lost: number | null; device?: string; time?: number };
  /** The state of the stream changed. */
  state: undefined;
  /** The colours of the page changed. */
  theme: undefined;
}

/** What a function that makes elements accepts as a child. */
export type Child = Node | string | false | null | undefined | 0 | "" | Child[];

/** What somebody chose for a camera's picture; null: the default. */
export type PictureChoice = { fps: number | null; size: string | null; quality: number | null };

/** What a camera sends, and what it may be asked for. */
export type CameraState = {
  asked: { fps: number; size: string | null; quality: number | null } | null;
  arriving_fps: number;
  frame_bytes: number | null;
  viewers: number;
  picture: PictureChoice & {
    usual: PictureChoice;
    sizes: { name: string; width: number; height: number }[];
    quality_min: number;
    quality_max: number;
    fps_max: number;
    state: "offline" | "own" | "pending" | "agreed" | "refused";
    reason: string;
  };
};

/** Attributes, properties and `on…` listeners of a new element. */
export type Properties = {
  [K in keyof HTMLElementEventMap as `on${K}`]?: (event: HTMLElementEventMap[K]) => unknown;
} & {
  [name: string]: unknown;
};

/** The input of one argument: its element, and how its value is read and written. */
export interface ArgumentInput {
  key: string;
  element: HTMLElement;
  read(): Value | undefined;
  /** Shows a value; without one, the default of the board. */
  write(value?: Value): void;
}
