//! Bounded arithmetic over named numbers: `max(kw, kw * 0.95 / power_factor)`.
//!
//! `+ - * /`, parentheses, numbers, names, and the functions `min`, `max`, `abs`, `floor`, `ceil`,
//! `round(x, decimals)` and `if(a <= b, then, else)` with `<`, `<=`, `>`, `>=` or `=`. No loops, no
//! names of its own, no I/O: a formula of n signs costs at most n steps. Products and quotients are
//! taken from left to right, so a product is divided last where it is written so.
//!
//! Quotients keep 28 digits: a third times three is a hair less than one. Where a value jumps
//! (`floor`, `ceil`, `round`, comparisons) and at the end, values are looked at to 16 decimals, or
//! to 24 digits when that is less, so that the hair decides nothing.

use crate::word::Word;
use std::cmp::Ordering;
use vocab::Decimal;
use vocab::decimal::{self, Overflow, Rounding};

/// Longest formula, in characters.
const LONGEST: usize = 1_000;
/// Deepest nesting.
const DEEPEST: usize = 32;
/// Most arguments of `min` and `max`.
const MOST_ARGUMENTS: usize = 16;

/// A formula that is known to have a value for every assignment, up to overflow and division by
/// zero.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Formula(Node);

/// Why a text is not a formula, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at character {at}: {reason}")]
pub struct FormulaError {
    /// The place, from 1.
    pub at: usize,
    /// What is wrong.
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    Number(Decimal),
    /// Place in the list of names.
    Name(usize),
    Binary(Operator, Box<(Node, Node)>),
    Call(Function, Vec<Node>),
    If(Comparison, Box<[Node; 4]>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    Min,
    Max,
    Abs,
    Floor,
    Ceil,
    Round,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Less,
    AtMost,
    Greater,
    AtLeast,
    Equal,
}

impl Formula {
    /// Reads a formula over these names.
    pub fn compile<'n>(text: &str, names: impl IntoIterator<Item = &'n Word>) -> Result<Self, FormulaError> {
        let names: Vec<&Word> = names.into_iter().collect();
        if text.chars().count() > LONGEST {
            return Err(FormulaError { at: LONGEST, reason: format!("longer than {LONGEST} characters") });
        }
        let mut reader = Reader { text, at: 0, names, depth: 0 };
        let node = reader.sum()?;
        reader.blanks();
        if reader.at < text.len() {
            return Err(reader.wrong("an operator or the end is expected"));
        }
        Ok(Self(node))
    }

    /// Its value for the names' values, given in the order of the names it was compiled with.
    pub fn value(&self, values: &[Decimal]) -> Result<Decimal, Overflow> {
        self.0.value(values).map(steady)
    }
}

/// Nearer than this, what two values differ by is what the limits of their digits left behind:
/// prices and quantities have 10 decimals each, so that a product has 20.
const HAIR: Decimal = Decimal::from_parts(1, 0, 0, false, 20);

/// A value that 28 digits had to cut off, as it was meant: a third of 7.5 three times over is 7.5. A
/// value that is further from its first 16 decimals than a hair stays as it is.
pub(crate) fn without_hair(value: Decimal) -> Decimal {
    if value.scale() <= 16 {
        return value;
    }
    let steady = steady(value);
    match decimal::sub(steady, value) {
        Ok(off) if off.abs() < HAIR => steady,
        _ => value,
    }
}

/// A value without what the limits of its digits left behind.
fn steady(value: Decimal) -> Decimal {
    let before = value.trunc().mantissa().unsigned_abs().checked_ilog10().map_or(0, |digits| digits + 1);
    decimal::round(value, 24_u32.saturating_sub(before).min(16), Rounding::HalfAwayFromZero)
}

impl Node {
    fn value(&self, values: &[Decimal]) -> Result<Decimal, Overflow> {
        match self {
            Self::Number(number) => Ok(*number),
            Self::Name(place) => values.get(*place).copied().ok_or(Overflow),
            Self::Binary(operator, both) => {
                let (a, b) = (both.0.value(values)?, both.1.value(values)?);
                match operator {
                    Operator::Add => decimal::add(a, b),
                    Operator::Subtract => decimal::sub(a, b),
                    Operator::Multiply => decimal::mul(a, b),
                    // What is nothing but for its last digits is nothing.
                    Operator::Divide if steady(b).is_zero() => Err(Overflow),
                    Operator::Divide => decimal::div(a, b),
                }
            }
            Self::Call(function, arguments) => function.value(arguments, values),
            Self::If(comparison, parts) => {
                let [a, b, then, otherwise] = parts.as_ref();
                let holds = comparison.holds(steady(a.value(values)?).cmp(&steady(b.value(values)?)));
                if holds { then.value(values) } else { otherwise.value(values) }
            }
        }
    }
}

impl Comparison {
    const fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Less => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::AtLeast => order.is_ge(),
            Self::Equal => order.is_eq(),
        }
    }
}

impl Function {
    fn value(self, arguments: &[Node], values: &[Decimal]) -> Result<Decimal, Overflow> {
        let mut all = arguments.iter().map(|node| node.value(values));
        let first = all.next().ok_or(Overflow)??;
        match self {
            Self::Min => all.try_fold(first, |least, next| Ok(least.min(next?))),
            Self::Max => all.try_fold(first, |most, next| Ok(most.max(next?))),
            Self::Abs => Ok(first.abs()),
            Self::Floor => Ok(steady(first).floor()),
            Self::Ceil => Ok(steady(first).ceil()),
            Self::Round => {
                let places = all.next().ok_or(Overflow)??;
                let places = u32::try_from(places.mantissa()).map_err(|_| Overflow)?;
                Ok(decimal::round(steady(first), places, Rounding::HalfAwayFromZero))
            }
        }
    }
}

struct Reader<'t> {
    text: &'t str,
    /// Bytes read.
    at: usize,
    names: Vec<&'t Word>,
    depth: usize,
}

impl<'t> Reader<'t> {
    fn wrong(&self, reason: impl Into<String>) -> FormulaError {
        let at = self.text.get(..self.at).map_or(0, |read| read.chars().count()) + 1;
        FormulaError { at, reason: reason.into() }
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn blanks(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    /// Takes the sign when it is next.
    fn takes(&mut self, sign: &str) -> bool {
        self.blanks();
        let is_next = self.rest().starts_with(sign);
        if is_next {
            self.at += sign.len();
        }
        is_next
    }

    fn needs(&mut self, sign: &str) -> Result<(), FormulaError> {
        if self.takes(sign) { Ok(()) } else { Err(self.wrong(format!("`{sign}` is expected"))) }
    }

    fn deeper<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, FormulaError>,
    ) -> Result<T, FormulaError> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.wrong(format!("nested deeper than {DEEPEST}")));
        }
        let result = read(self);
        self.depth -= 1;
        result
    }

    fn sum(&mut self) -> Result<Node, FormulaError> {
        let mut left = self.product()?;
        loop {
            let operator = if self.takes("+") {
                Operator::Add
            } else if self.takes("-") {
                Operator::Subtract
            } else {
                return Ok(left);
            };
            left = Node::Binary(operator, Box::new((left, self.product()?)));
        }
    }

    fn product(&mut self) -> Result<Node, FormulaError> {
        let mut left = self.single()?;
        loop {
            let operator = if self.takes("*") {
                Operator::Multiply
            } else if self.takes("/") {
                Operator::Divide
            } else {
                return Ok(left);
            };
            left = Node::Binary(operator, Box::new((left, self.single()?)));
        }
    }

    fn single(&mut self) -> Result<Node, FormulaError> {
        if self.takes("-") {
            let of = self.deeper(Self::single)?;
            return Ok(Node::Binary(Operator::Subtract, Box::new((Node::Number(Decimal::ZERO), of))));
        }
        if self.takes("(") {
            let inside = self.deeper(Self::sum)?;
            self.needs(")")?;
            return Ok(inside);
        }
        self.blanks();
        let rest = self.rest();
        let length =
            rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.')).unwrap_or(rest.len());
        let word = rest.get(..length).unwrap_or("");
        if word.is_empty() {
            return Err(self.wrong("a number, a name or `(` is expected"));
        }
        if word.starts_with(|c: char| c.is_ascii_digit()) {
            let number =
                decimal::parse(word).ok_or_else(|| self.wrong(format!("`{word}` is not a number")))?;
            self.at += length;
            return Ok(Node::Number(number));
        }
        let begins = self.at;
        self.at += length;
        if self.takes("(") {
            let call = self.deeper(|reader| reader.call(word, begins))?;
            self.needs(")")?;
            return Ok(call);
        }
        match self.names.iter().position(|name| name.as_str() == word) {
            Some(place) => Ok(Node::Name(place)),
            None => {
                self.at = begins;
                Err(self.wrong(format!("`{word}` is not a name that `with` explains")))
            }
        }
    }

    fn call(&mut self, word: &str, begins: usize) -> Result<Node, FormulaError> {
        let (function, least, most) = match word {
            "if" => return self.choice(),
            "min" => (Function::Min, 1, MOST_ARGUMENTS),
            "max" => (Function::Max, 1, MOST_ARGUMENTS),
            "abs" => (Function::Abs, 1, 1),
            "floor" => (Function::Floor, 1, 1),
            "ceil" => (Function::Ceil, 1, 1),
            "round" => (Function::Round, 2, 2),
            _ => {
                self.at = begins;
                return Err(self.wrong(format!("there is no function `{word}`")));
            }
        };
        let mut arguments = vec![self.sum()?];
        while self.takes(",") {
            arguments.push(self.sum()?);
        }
        if arguments.len() < least || arguments.len() > most {
            return Err(self.wrong(format!("`{word}` has {least} to {most} arguments")));
        }
        if let (Function::Round, Some(places)) = (function, arguments.get(1)) {
            let plain = matches!(places, Node::Number(n) if n.scale() == 0 && *n <= Decimal::TEN);
            if !plain {
                return Err(self.wrong("the decimals of `round` are a whole number up to 10"));
            }
        }
        Ok(Node::Call(function, arguments))
    }

    fn choice(&mut self) -> Result<Node, FormulaError> {
        let a = self.sum()?;
        let comparison = if self.takes("<=") {
            Comparison::AtMost
        } else if self.takes(">=") {
            Comparison::AtLeast
        } else if self.takes("<") {
            Comparison::Less
        } else if self.takes(">") {
            Comparison::Greater
        } else if self.takes("=") {
            Comparison::Equal
        } else {
            return Err(self.wrong("a comparison is expected: `<`, `<=`, `>`, `>=` or `=`"));
        };
        let b = self.sum()?;
        self.needs(",")?;
        let then = self.sum()?;
        self.needs(",")?;
        let otherwise = self.sum()?;
        Ok(Node::If(comparison, Box::new([a, b, then, otherwise])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(text: &str) -> Result<String, String> {
        let names: Vec<Word> = ["kw", "pf"].iter().map(|name| name.parse().unwrap()).collect();
        let values = [Decimal::from(50), Decimal::new(65, 2)];
        let formula = Formula::compile(text, &names).map_err(|error| error.to_string())?;
        formula.value(&values).map(|value| value.normalize().to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn arithmetic_as_it_is_written() {
        for (text, expected) in [
            ("1 + 2 * 3", "7"),
            ("(1 + 2) * 3", "9"),
            ("-kw + 8 - 3", "-45"),
            ("round(kw * 0.95 / pf, 2)", "73.08"),
            ("max(kw, 60, 3)", "60"),
            ("min(kw, 60)", "50"),
            ("if(kw > 40, 1, 2)", "1"),
            ("if(kw = 40, 1, if(pf <= 0.65, 3, 4))", "3"),
            ("floor(1.9) + ceil(1.1) + abs(-2)", "5"),
            ("7 / 2 / 2", "1.75"),
            ("floor(10 / 3 * 3)", "10"),
            ("ceil(10 / 3 * 3 - 10)", "0"),
            ("if(100 / 31 * 31 >= 100, 1, 2)", "1"),
            ("round(1 / 3 * 1.5, 0)", "1"),
            ("1 / 3 * 3", "1"),
        ] {
            assert_eq!(value(text).as_deref(), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_formula_is_refused_with_its_place() {
        for (text, reason) in [
            ("", "at character 1: a number, a name or `(` is expected"),
            ("kw +", "at character 5: a number, a name or `(` is expected"),
            ("kw kw", "at character 4: an operator or the end is expected"),
            ("kw * kva", "at character 6: `kva` is not a name that `with` explains"),
            ("sin(kw)", "at character 1: there is no function `sin`"),
            ("round(kw, pf)", "at character 13: the decimals of `round` are a whole number up to 10"),
            ("(kw", "at character 4: `)` is expected"),
            ("1.2.3", "at character 1: `1.2.3` is not a number"),
            ("if(kw, 1, 2)", "at character 6: a comparison is expected: `<`, `<=`, `>`, `>=` or `=`"),
        ] {
            assert_eq!(value(text), Err(reason.to_owned()), "{text}");
        }
        assert!(value(&"(".repeat(100)).unwrap_err().contains("nested deeper"));
        assert!(value(&"-".repeat(100)).unwrap_err().contains("nested deeper"));
        assert!(value("1 / (kw - 50)").is_err());
        assert!(value("1 / (1 / 3 * 3 - 1)").is_err());
    }
}
