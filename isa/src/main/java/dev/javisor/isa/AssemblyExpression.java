package dev.javisor.isa;

import java.util.Locale;

/**
 * Reads the expressions of one line of assembly text: integers with C's operators and precedence, symbols, {@code $} and {@code $$},
 * and inside brackets sums with registers.
 */
final class AssemblyExpression {
    /** What symbols mean. */
    interface Symbols {
        /** The value, or null if it is not known (yet). */
        Value lookup(String name);

        /** Address of the statement, which is {@code $}. */
        long here();

        /** Address of the program, which is {@code $$}. */
        long origin();
    }

    /**
     * A number plus up to two scaled registers.
     *
     * @param number constant part
     * @param known false if a symbol in it has no value yet
     * @param address depends on a label, so that it may change from pass to pass
     * @param base register, counted once, or null
     * @param index register, counted {@code scale} times, or null
     */
    record Value(long number, boolean known, boolean address, Register base, Register index, int scale) {
        static Value of(long number) {
            return new Value(number, true, false, null, null, 0);
        }

        static Value label(long number) {
            return new Value(number, true, true, null, null, 0);
        }

        static Value unknown() {
            return new Value(0, false, true, null, null, 0);
        }

        boolean plain() {
            return base == null && index == null;
        }
    }

    private final String text;
    private final Symbols symbols;
    private int position;

    AssemblyExpression(String text, int position, Symbols symbols) {
        this.text = text;
        this.position = position;
        this.symbols = symbols;
    }

    /** Skips blanks. */
    AssemblyExpression blanks() {
        while (position < text.length() && Character.isWhitespace(text.charAt(position))) {
            position++;
        }
        return this;
    }

    boolean atEnd() {
        return blanks().position >= text.length();
    }

    char peek() {
        return blanks().position < text.length() ? text.charAt(position) : 0;
    }

    /** Consumes {@code c} if it is next. */
    boolean accept(char c) {
        if (peek() != c) {
            return false;
        }
        position++;
        return true;
    }

    void expect(char c) {
        if (!accept(c)) {
            throw new IllegalArgumentException("expected '" + c + "'" + (atEnd() ? " at the end" : " before '" + rest() + "'"));
        }
    }

    String rest() {
        return text.substring(blanks().position);
    }

    /** The word that is next (lower case), not consumed; empty if none is. */
    String peekWord() {
        int end = blanks().position;
        while (end < text.length() && isWord(text.charAt(end))) {
            end++;
        }
        return text.substring(position, end).toLowerCase(Locale.ROOT);
    }

    /** Consumes the word that is next and returns it as written. */
    String word() {
        int start = blanks().position;
        while (position < text.length() && isWord(text.charAt(position))) {
            position++;
        }
        return text.substring(start, position);
    }

    boolean acceptWord(String word) {
        if (!peekWord().equals(word)) {
            return false;
        }
        position += word.length();
        return true;
    }

    static boolean isWord(char c) {
        return Character.isLetterOrDigit(c) || c == '_' || c == '.' || c == '$' || c == '?' || c == '@';
    }

    /** A quoted string that is next, or null if it is none or part of a longer expression. */
    String string() {
        char quote = peek();
        if (quote != '"' && quote != '\'') {
            return null;
        }
        int close = text.indexOf(quote, position + 1);
        if (close < 0) {
            throw new IllegalArgumentException("unterminated string");
        }
        int behind = close + 1;
        while (behind < text.length() && Character.isWhitespace(text.charAt(behind))) {
            behind++;
        }
        if (behind < text.length() && text.charAt(behind) != ',') {
            return null;
        }
        String value = text.substring(position + 1, close);
        position = close + 1;
        return value;
    }

    /** An expression; registers are allowed (whether they make sense is the caller's business). */
    Value parse() {
        return binary(0);
    }

    /** An expression without registers whose value is known. */
    long constant() {
        Value v = parse();
        if (!v.plain() || !v.known()) {
            throw new IllegalArgumentException("expected a constant");
        }
        return v.number();
    }

    private static final String[][] OPERATORS = {{"|"}, {"^"}, {"&"}, {"<<", ">>"}, {"+", "-"}, {"*", "/", "%"}};

    private Value binary(int level) {
        if (level == OPERATORS.length) {
            return unary();
        }
        Value left = binary(level + 1);
        for (; ; ) {
            String operator = operator(OPERATORS[level]);
            if (operator == null) {
                return left;
            }
            left = apply(operator, left, binary(level + 1));
        }
    }

    private String operator(String[] candidates) {
        blanks();
        for (String c : candidates) {
            if (text.startsWith(c, position)) {
                position += c.length();
                return c;
            }
        }
        return null;
    }

    private static Value apply(String operator, Value a, Value b) {
        boolean known = a.known() && b.known();
        boolean address = a.address() || b.address();
        if (operator.equals("+")) {
            return sum(a, b, known, address);
        }
        if (operator.equals("*") && (!a.plain() || !b.plain())) {
            return scaled(a.plain() ? b : a, a.plain() ? a : b);
        }
        if (!b.plain() || !a.plain() && !operator.equals("-")) {
            throw new IllegalArgumentException("a register cannot be used with " + operator);
        }
        if ((operator.equals("/") || operator.equals("%")) && b.number() == 0) {
            if (known) {
                throw new IllegalArgumentException("division by zero");
            }
            return Value.unknown();
        }
        long x = a.number();
        long y = b.number();
        long result = switch (operator) {
            case "|" -> x | y;
            case "^" -> x ^ y;
            case "&" -> x & y;
            case "<<" -> x << y;
            case ">>" -> x >>> y;
            case "-" -> x - y;
            case "*" -> x * y;
            case "/" -> Long.divideUnsigned(x, y);
            default -> Long.remainderUnsigned(x, y);
        };
        return new Value(known ? result : 0, known, address, a.base(), a.index(), a.scale());
    }

    private static Value sum(Value a, Value b, boolean known, boolean address) {
        long number = known ? a.number() + b.number() : 0;
        if (b.plain()) {
            return new Value(number, known, address, a.base(), a.index(), a.scale());
        }
        if (a.plain()) {
            return new Value(number, known, address, b.base(), b.index(), b.scale());
        }
        if (a.base() != null && a.index() == null && b.index() == null) {
            return new Value(number, known, address, a.base(), b.base(), 1);
        }
        if (a.base() != null && a.index() == null && b.base() == null) {
            return new Value(number, known, address, a.base(), b.index(), b.scale());
        }
        if (a.base() == null && b.base() != null && b.index() == null) {
            return new Value(number, known, address, b.base(), a.index(), a.scale());
        }
        throw new IllegalArgumentException("too many registers in an address");
    }

    private static Value scaled(Value register, Value factor) {
        if (!factor.plain() || register.base() == null || register.index() != null || register.number() != 0) {
            throw new IllegalArgumentException("only a single register can be scaled");
        }
        long f = factor.number();
        if (f != 1 && f != 2 && f != 4 && f != 8) {
            throw new IllegalArgumentException("a scale is 1, 2, 4 or 8");
        }
        return new Value(0, factor.known(), factor.address(), null, register.base(), (int) f);
    }

    private Value unary() {
        if (accept('-')) {
            return apply("-", Value.of(0), unary());
        }
        if (accept('+')) {
            return unary();
        }
        if (accept('~')) {
            return apply("^", unary(), Value.of(-1));
        }
        if (accept('(')) {
            Value v = parse();
            expect(')');
            return v;
        }
        char c = peek();
        if (c == '\'' || c == '"') {
            return Value.of(character(c));
        }
        String word = word();
        if (word.isEmpty()) {
            throw new IllegalArgumentException(atEnd() ? "something is missing at the end" : "unexpected '" + rest() + "'");
        }
        return word(word, c);
    }

    private Value word(String word, char first) {
        if (word.equals("$")) {
            return Value.label(symbols.here());
        }
        if (word.equals("$$")) {
            return Value.label(symbols.origin());
        }
        if (Character.isDigit(first)) {
            return Value.of(number(word));
        }
        Register r = Register.named(word.toLowerCase(Locale.ROOT));
        if (r != null) {
            return new Value(0, true, false, r, null, 0);
        }
        Value v = symbols.lookup(word);
        return v == null ? Value.unknown() : v;
    }

    /** Characters as a little-endian number. */
    private long character(char quote) {
        int close = text.indexOf(quote, position + 1);
        if (close < 0 || close - position > 9) {
            throw new IllegalArgumentException("a character constant has up to eight characters");
        }
        long value = 0;
        for (int i = close - 1; i > position; i--) {
            value = value << 8 | text.charAt(i) & 0xFF;
        }
        position = close + 1;
        return value;
    }

    private static long number(String word) {
        String digits = word.replace("_", "").toLowerCase(Locale.ROOT);
        int radix = 10;
        if (digits.startsWith("0x")) {
            radix = 16;
            digits = digits.substring(2);
        } else if (digits.endsWith("h")) {
            radix = 16;
            digits = digits.substring(0, digits.length() - 1);
        } else if (digits.startsWith("0b") && digits.length() > 2) {
            radix = 2;
            digits = digits.substring(2);
        } else if (digits.startsWith("0o")) {
            radix = 8;
            digits = digits.substring(2);
        } else if (digits.endsWith("b")) {
            radix = 2;
            digits = digits.substring(0, digits.length() - 1);
        }
        try {
            return Long.parseUnsignedLong(digits, radix);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("no number: " + word, e);
        }
    }
}
