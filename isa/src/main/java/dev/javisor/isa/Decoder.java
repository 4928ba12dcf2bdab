package dev.javisor.isa;

/**
 * Turns bytes into an {@link Instruction}, for 16-, 32- and 64-bit code. Stateless apart from the set of features, so one
 * decoder serves one CPU model.
 */
public final class Decoder {
    /** {@link #decode} result: the bytes are no instruction (#UD). */
    public static final Instruction INVALID = null;

    /** Longest legal instruction. */
    public static final int MAX_LENGTH = 15;

    private final FeatureSet features;

    public Decoder(FeatureSet features) {
        this.features = features;
    }

    /**
     * Decodes the instruction that starts at {@code code[offset]}.
     *
     * @param limit first index that is not available; when the instruction needs bytes from there on, the outcome is
     *     {@link Outcome#TRUNCATED}
     */
    public Outcome decode(byte[] code, int offset, int limit, CodeSize size, Result result) {
        throw new UnsupportedOperationException(features.toString());
    }

    /** What {@link #decode} found. */
    public enum Outcome {
        /** {@link Result#instruction} is set. */
        OK,
        /** #UD: an undefined encoding, a feature that the model lacks, an illegal LOCK, ... {@link Result#length} bytes were looked at. */
        INVALID,
        /** More than {@link #MAX_LENGTH} bytes: #GP(0). */
        TOO_LONG,
        /** The instruction continues at {@code limit}. */
        TRUNCATED
    }

    /** Out-parameter of {@link #decode}. */
    public static final class Result {
        public Instruction instruction;
        public int length;
    }
}
