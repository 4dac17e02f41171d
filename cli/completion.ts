/** Completion scripts of `meshctl` for bash, zsh and fish, from the commands and options of the parser. */

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

export interface CommandWords {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly OptionWords[];
  /** Its own commands, and values of its argument where it has a fixed set. */
  readonly choices: readonly string[];
}

export interface OptionWords {
  /** `-o`, or null. */
  readonly short: string | null;
  /** `--output`. */
  readonly long: string;
  readonly summary: string;
  /** Values to choose from; null for an option without a fixed set. */
  readonly choices: readonly string[] | null;
}

export function completionScript(shell: Shell, commands: readonly CommandWords[]): string {
  if (shell === 'fish') return fishScript(commands);
  const bash = bashScript(commands);
  return shell === 'bash' ? bash : `#compdef meshctl\nautoload -U +X bashcompinit && bashcompinit\n${bash}`;
}

function bashScript(commands: readonly CommandWords[]): string {
  const names = commands.map(({ name }) => name).join(' ');
  const choices = new Map(
    commands.flatMap(({ options }) => options.map((option) => [flagsOf(option).join('|'), option])),
  );
  const values = Array.from(choices.values()).filter((option) => option.choices !== null);
  return [
    '_meshctl() {',
    '  local current="${COMP_WORDS[COMP_CWORD]}" previous="${COMP_WORDS[COMP_CWORD-1]}" command="" word',
    `  local commands="${names}"`,
    '  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do',
    '    case " $commands " in *" $word "*) command="$word"; break ;; esac',
    '  done',
    '  case "$previous" in',
    ...values.map(
      (option) => `    ${flagsOf(option).join('|')}) ${reply((option.choices ?? []).join(' '))}; return ;;`,
    ),
    '    --socket) COMPREPLY=($(compgen -f -- "$current")); return ;;',
    '  esac',
    '  case "$command" in',
    `    "") ${reply(`${names} --socket --help --version`)} ;;`,
    ...commands.map((command) => `    ${command.name}) ${reply(wordsAfter(command).join(' '))} ;;`),
    '  esac',
    '}',
    'complete -F _meshctl meshctl',
    '',
  ].join('\n');
}

function wordsAfter({ choices, options }: CommandWords): string[] {
  return [...choices, ...options.flatMap(flagsOf)];
}

function reply(words: string): string {
  return `COMPREPLY=($(compgen -W "${words}" -- "$current"))`;
}

function fishScript(commands: readonly CommandWords[]): string {
  const lines = commands.flatMap(({ name, summary, options, choices }) => [
    `complete -c meshctl -f -n __fish_use_subcommand -a ${name} -d ${quoted(summary)}`,
    ...choices.map((word) => `complete -c meshctl -f -n "__fish_seen_subcommand_from ${name}" -a ${word}`),
    ...options.map((option) => fishOption(name, option)),
  ]);
  return [...lines, 'complete -c meshctl -l socket -r -d "socket of the agent"', ''].join('\n');
}

function fishOption(command: string, { short, long, summary, choices }: OptionWords): string {
  const flags = `${short === null ? '' : `-s ${short.slice(1)} `}-l ${long.slice(2)}`;
  const values = choices === null ? '' : ` -x -a "${choices.join(' ')}"`;
  return `complete -c meshctl -n "__fish_seen_subcommand_from ${command}" ${flags}${values} -d ${quoted(summary)}`;
}

function flagsOf({ short, long }: OptionWords): string[] {
  return short === null ? [long] : [short, long];
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
