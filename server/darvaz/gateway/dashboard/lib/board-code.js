// The MicroPython code that a flash from the browser runs on a board.

// Only folders that have files of ours: a card with thousands of pictures may be mounted beside them.
const FOLDERS = ["/", "/lib", "/lib/darvaz"];

// Not as texts of several lines: scripts are sent without indentation.
const code = (/** @type {string[]} */ ...lines) => lines.join("\n");

const DIGEST = code(
  "import hashlib, binascii",
  "def _digest(path):",
  " h = hashlib.sha256()",
  " b = bytearray(512)",
  " v = memoryview(b)",
  " with open(path, 'rb') as f:",
  "  while True:",
  "   n = f.readinto(b)",
  "   if not n:",
  "    break",
  "   h.update(v[:n])",
  " return binascii.hexlify(h.digest()).decode()",
);

/** Prints what the board is: a line of JSON. */
export const FACTS = code(
  "import sys, binascii, json, machine, os",
  "_i = sys.implementation",
  "_v = getattr(machine, 'VIRTUAL', {})",
  "_s = os.statvfs('/')",
  "_f = {'implementation': _i.name, 'version': list(_v.get('version') or _i.version[:3]), 'platform': sys.platform,",
  "'machine': _v.get('machine') or getattr(_i, '_machine', ''), 'kind': _v.get('kind'), 'mpy': getattr(_i, '_mpy', 0) & 255,",
  "'free_bytes': _s[1] * _s[3], 'id': binascii.hexlify(machine.unique_id()).decode(), 'modules': []}",
  "for _n in ('network', 'camera'):",
  " try:",
  "  __import__(_n)",
  "  _f['modules'].append(_n)",
  " except ImportError:",
  "  pass",
  "try:",
  " import tls",
  " if hasattr(tls.SSLContext(tls.PROTOCOL_TLS_CLIENT), 'psk_key'):",
  "  _f['modules'].append('tls_psk')",
  "except (ImportError, AttributeError):",
  " pass",
  "print(json.dumps(_f))",
);

/** Prints path and SHA-256 of each file in our folders, a line of JSON each. */
export const FILES = code(
  DIGEST,
  "import os, json",
  `for _folder in ${JSON.stringify(FOLDERS)}:`,
  " try:",
  "  _entries = list(os.ilistdir(_folder.encode()))",
  " except OSError:",
  "  continue",
  " for _e in _entries:",
  "  try:",
  "   _path = _folder.rstrip('/') + '/' + str(_e[0], 'utf-8')",
  "   if not _e[1] & 0x4000:",
  "    print(json.dumps([_path, _digest(_path)]))",
  "  except (OSError, UnicodeError):",
  "   pass",
);

/** @param {string} path */
export const readCode = (path) =>
  code(
    "import binascii",
    `with open(${JSON.stringify(path)}, 'rb') as _r:`,
    "    while True:",
    "        _b = _r.read(768)",
    "        if not _b:",
    "            break",
    "        print(binascii.b2a_base64(_b).decode(), end='')",
  );

/** @param {string} path of a new file, whose folders are made */
export const openCode = (path) =>
  code(
    "import os, binascii",
    "_at = 1",
    "while True:",
    `    _at = ${JSON.stringify(path)}.find('/', _at)`,
    "    if _at < 0:",
    "        break",
    "    try:",
    `        os.mkdir(${JSON.stringify(path)}[:_at])`,
    "    except OSError as e:",
    "        if e.errno != 17:",
    "            raise",
    "    _at += 1",
    `_o = open(${JSON.stringify(path)}, 'wb')`,
    "def _w(data):",
    "    _o.write(binascii.a2b_base64(data))",
  );

/** @param {string} path of the file that was written: prints its SHA-256 */
export const closeCode = (path) => code(DIGEST, "_o.close()", `print(_digest(${JSON.stringify(path)}))`);

/** @param {[from: string, to: string][]} pairs */
export const renameCode = (pairs) =>
  code(
    "import os",
    `for _old, _new in ${JSON.stringify(pairs)}:`,
    "    try:",
    "        os.rename(_old, _new)",
    "    except OSError as e:",
    "        if e.errno != 17:",
    "            raise",
    "        os.remove(_new)",
    "        os.rename(_old, _new)",
  );

/** @param {string[]} paths */
export const removeCode = (paths) =>
  code(
    "import os",
    `for _path in ${JSON.stringify(paths)}:`,
    "    try:",
    "        os.remove(_path)",
    "    except OSError:",
    "        pass",
  );
