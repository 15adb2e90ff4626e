//! The small part of regular expressions that options' `pattern`s use.
//!
//! Letters, `.`, classes (`[a-z0-9-]`, `[^@\s]`), `\d \w \s` and escaped signs, groups with `|`,
//! and `* + ? {n} {n,} {n,m}` after each of them; `^` and `$` at the ends. Matching takes time
//! proportional to the text for every state, never exponential: all ways are followed at once.

use std::collections::BTreeSet;

/// A pattern that can be matched.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    program: Vec<Step>,
    anchored: bool,
}

/// What a pattern holds beyond this part.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unsupported pattern at its character {0}")]
pub(super) struct PatternError(usize);

#[derive(Clone, Debug)]
enum Step {
    One(Set),
    End,
    Fork(usize, usize),
    Jump(usize),
    Accept,
}

#[derive(Clone, Debug, Default)]
struct Set {
    negated: bool,
    ranges: Vec<(char, char)>,
}

#[derive(Clone, Debug)]
enum Tree {
    One(Set),
    End,
    Sequence(Vec<Tree>),
    Either(Vec<Tree>),
    Repeat(Box<Tree>, u32, Option<u32>),
}

/// The most times that something may repeat by count.
const MOST_REPEATS: u32 = 300;

/// The most steps of a compiled pattern.
const MOST_STEPS: usize = 10_000;

impl Pattern {
    /// Compiles a pattern.
    pub(super) fn new(text: &str) -> Result<Self, PatternError> {
        let anchored = text.starts_with('^');
        let letters: Vec<char> = text.strip_prefix('^').unwrap_or(text).chars().collect();
        let mut parser = Parser { letters, at: 0 };
        let tree = parser.either()?;
        if parser.at < parser.letters.len() {
            return Err(PatternError(parser.at));
        }
        if size(&tree) > MOST_STEPS {
            return Err(PatternError(parser.at));
        }
        let mut program = Vec::new();
        compile(&tree, &mut program);
        program.push(Step::Accept);
        Ok(Self { program, anchored })
    }

    /// Tells whether the pattern occurs in a text, as JSON Schema has it.
    pub(super) fn matches(&self, text: &str) -> bool {
        let mut states = BTreeSet::new();
        let mut letters = text.chars().peekable();
        let mut first = true;
        loop {
            let at_end = letters.peek().is_none();
            if first || !self.anchored {
                self.follow(0, at_end, &mut states);
            }
            first = false;
            if states.contains(&(self.program.len() - 1)) {
                return true;
            }
            let Some(letter) = letters.next() else {
                return false;
            };
            let at_end = letters.peek().is_none();
            let mut next = BTreeSet::new();
            for state in &states {
                if matches!(self.program.get(*state), Some(Step::One(set)) if set.has(letter)) {
                    self.follow(state + 1, at_end, &mut next);
                }
            }
            states = next;
        }
    }

    fn follow(&self, start: usize, at_end: bool, states: &mut BTreeSet<usize>) {
        let mut open = vec![start];
        while let Some(state) = open.pop() {
            if !states.insert(state) {
                continue;
            }
            match self.program.get(state) {
                Some(Step::Fork(first, second)) => open.extend([*first, *second]),
                Some(Step::Jump(target)) => open.push(*target),
                Some(Step::End) if at_end => open.push(state + 1),
                _ => {}
            }
        }
    }
}

impl Set {
    fn has(&self, letter: char) -> bool {
        let inside = self
            .ranges
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&letter));
        inside != self.negated
    }
}

fn size(tree: &Tree) -> usize {
    match tree {
        Tree::One(_) | Tree::End => 1,
        Tree::Sequence(parts) => parts.iter().map(size).fold(0, usize::saturating_add),
        Tree::Either(ways) => ways
            .iter()
            .map(size)
            .fold(ways.len() * 2, usize::saturating_add),
        Tree::Repeat(inner, least, most) => {
            let times = most.unwrap_or(least + 1).max(1);
            (size(inner) + 2).saturating_mul(usize::try_from(times).unwrap_or(usize::MAX))
        }
    }
}

fn compile(tree: &Tree, program: &mut Vec<Step>) {
    match tree {
        Tree::One(set) => program.push(Step::One(set.clone())),
        Tree::End => program.push(Step::End),
        Tree::Sequence(parts) => parts.iter().for_each(|part| compile(part, program)),
        Tree::Either(ways) => compile_ways(ways, program),
        Tree::Repeat(inner, least, most) => {
            (0..*least).for_each(|_| compile(inner, program));
            match most {
                None => compile_loop(inner, program),
                Some(most) => (*least..*most).for_each(|_| compile_optional(inner, program)),
            }
        }
    }
}

fn compile_ways(ways: &[Tree], program: &mut Vec<Step>) {
    let mut ends = Vec::new();
    for (index, way) in ways.iter().enumerate() {
        if index + 1 == ways.len() {
            compile(way, program);
            break;
        }
        let fork = program.len();
        program.push(Step::Accept);
        compile(way, program);
        ends.push(program.len());
        program.push(Step::Accept);
        program[fork] = Step::Fork(fork + 1, program.len());
    }
    let after = program.len();
    for end in ends {
        program[end] = Step::Jump(after);
    }
}

fn compile_loop(inner: &Tree, program: &mut Vec<Step>) {
    let fork = program.len();
    program.push(Step::Accept);
    compile(inner, program);
    program.push(Step::Jump(fork));
    program[fork] = Step::Fork(fork + 1, program.len());
}

fn compile_optional(inner: &Tree, program: &mut Vec<Step>) {
    let fork = program.len();
    program.push(Step::Accept);
    compile(inner, program);
    program[fork] = Step::Fork(fork + 1, program.len());
}

struct Parser {
    letters: Vec<char>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> Option<char> {
        self.letters.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let letter = self.peek();
        self.at += usize::from(letter.is_some());
        letter
    }

    fn takes(&mut self, letter: char) -> bool {
        let found = self.peek() == Some(letter);
        self.at += usize::from(found);
        found
    }

    fn refuse<T>(&self) -> Result<T, PatternError> {
        Err(PatternError(self.at))
    }

    fn either(&mut self) -> Result<Tree, PatternError> {
        let mut ways = vec![self.sequence()?];
        while self.takes('|') {
            ways.push(self.sequence()?);
        }
        Ok(Tree::Either(ways))
    }

    fn sequence(&mut self) -> Result<Tree, PatternError> {
        let mut parts = Vec::new();
        while self
            .peek()
            .is_some_and(|letter| !matches!(letter, '|' | ')'))
        {
            let part = self.part()?;
            parts.push(self.repeated(part)?);
        }
        Ok(Tree::Sequence(parts))
    }

    fn part(&mut self) -> Result<Tree, PatternError> {
        match self.next() {
            Some('$') if matches!(self.peek(), None | Some('|' | ')')) => Ok(Tree::End),
            Some('(') => {
                if self.takes('?') && !self.takes(':') {
                    return self.refuse();
                }
                let inner = self.either()?;
                if self.takes(')') {
                    Ok(inner)
                } else {
                    self.refuse()
                }
            }
            Some('[') => self.class().map(Tree::One),
            Some('.') => Ok(Tree::One(Set {
                negated: true,
                ranges: vec![('\n', '\n')],
            })),
            Some('\\') => self.escape().map(Tree::One),
            Some('*' | '+' | '?' | '{' | '^' | '$') | None => self.refuse(),
            Some(letter) => Ok(Tree::One(single(letter))),
        }
    }

    fn repeated(&mut self, part: Tree) -> Result<Tree, PatternError> {
        let (least, most) = match self.peek() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            Some('{') => {
                self.at += 1;
                return self.counted(part);
            }
            _ => return Ok(part),
        };
        self.at += 1;
        Ok(Tree::Repeat(Box::new(part), least, most))
    }

    fn counted(&mut self, part: Tree) -> Result<Tree, PatternError> {
        let Some(least) = self.number() else {
            return self.refuse();
        };
        let most = if self.takes(',') {
            self.number()
        } else {
            Some(least)
        };
        let bounded =
            least <= MOST_REPEATS && most.is_none_or(|most| (least..=MOST_REPEATS).contains(&most));
        if self.takes('}') && bounded {
            Ok(Tree::Repeat(Box::new(part), least, most))
        } else {
            self.refuse()
        }
    }

    fn number(&mut self) -> Option<u32> {
        let mut digits = String::new();
        while let Some(digit) = self.peek().filter(char::is_ascii_digit) {
            digits.push(digit);
            self.at += 1;
        }
        digits.parse().ok()
    }

    fn class(&mut self) -> Result<Set, PatternError> {
        let mut set = Set {
            negated: self.takes('^'),
            ranges: Vec::new(),
        };
        loop {
            let first = match self.next() {
                None => return self.refuse(),
                Some(']') => return Ok(set),
                Some('\\') => {
                    let escaped = self.escape()?;
                    if escaped.negated {
                        return self.refuse();
                    }
                    set.ranges.extend(escaped.ranges);
                    continue;
                }
                Some(letter) => letter,
            };
            let range = self.peek() == Some('-')
                && self
                    .letters
                    .get(self.at + 1)
                    .is_some_and(|last| *last != ']');
            let last = if range {
                self.at += 2;
                self.letters[self.at - 1]
            } else {
                first
            };
            set.ranges.push((first, last));
        }
    }

    fn escape(&mut self) -> Result<Set, PatternError> {
        let ranges = match self.next() {
            Some('d') => vec![('0', '9')],
            Some('w') => vec![('a', 'z'), ('A', 'Z'), ('0', '9'), ('_', '_')],
            Some('s') => vec![(' ', ' '), ('\t', '\r')],
            Some(sign) if !sign.is_alphanumeric() => vec![(sign, sign)],
            _ => return self.refuse(),
        };
        Ok(Set {
            negated: false,
            ranges,
        })
    }
}

fn single(letter: char) -> Set {
    Set {
        negated: false,
        ranges: vec![(letter, letter)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_as_json_schema_has_it() {
        let cases = [
            (r"^[^@\s]+@[^@\s]+$", "me@example.org", true),
            (r"^[^@\s]+@[^@\s]+$", "me at example.org", false),
            (r"^[^@\s]+@[^@\s]+$", "a@b@c", false),
            ("b+", "abbc", true),
            ("^b+", "abbc", false),
            ("^(a|bc)*$", "abcbca", true),
            ("^(a|bc)*$", "abcb", false),
            ("^(?:ab)?c$", "c", true),
            (r"^\d{1,3}(\.\d{1,3}){3}$", "192.168.1.1", true),
            (r"^\d{1,3}(\.\d{1,3}){3}$", "192.168.1", false),
            ("^[a-z0-9-]{2,}$", "a-1", true),
            ("^[a-z0-9-]{2,}$", "a", false),
            ("^$", "", true),
            ("^$", "x", false),
            ("^.$", "é", true),
            ("a|", "", true),
            ("^(a*)*$", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", false),
        ];
        for (pattern, text, expected) in cases {
            let compiled = Pattern::new(pattern).expect("supported");
            assert_eq!(compiled.matches(text), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn says_what_it_does_not_know() {
        for pattern in [
            "(?=a)",
            "[a",
            "(a",
            "a)",
            "*a",
            r"\b",
            "((a{300}){300}){300}",
            "a{999}",
            "a**",
            "a^b",
        ] {
            assert!(Pattern::new(pattern).is_err(), "{pattern}");
        }
    }
}
