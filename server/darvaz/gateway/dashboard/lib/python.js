// Python as far as the prompt needs it: whether code is one expression, whose value is to be shown.

const STATEMENT =
  /^(?:assert|async|await|break|class|continue|def|del|for|from|global|if|import|nonlocal|pass|raise|return|try|while|with|@)(?![\w])/;
const TEXT = /("""|''')[\s\S]*?\1|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'/g;
const INNERMOST = /\([^()[\]{}]*\)|\[[^()[\]{}]*\]|\{[^()[\]{}]*\}/g;

/**
 * Whether code is one expression; a board refuses as a value what is none.
 * @param {string} code
 */
export function isExpression(code) {
  const line = code.trim();
  if (!line || line.includes("\n") || STATEMENT.test(line)) return false;
  // What is in texts and in brackets may have any sign.
  let rest = line.replace(TEXT, "x");
  for (let before = ""; before !== rest; ) {
    before = rest;
    rest = rest.replace(INNERMOST, "x");
  }
  return !/;|(?<![=!<>:])=(?!=)/.test(rest.replace(/#.*$/, ""));
}
