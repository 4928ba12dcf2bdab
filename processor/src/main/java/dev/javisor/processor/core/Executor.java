package dev.javisor.processor.core;

/**
 * A {@link Handler} as the interpreter calls it. An abstract class, because the call site sees every handler there is, and such a call
 * through a class's method table costs about half of one through an interface's.
 */
public abstract class Executor {
    public abstract void execute(Cpu c, Op o);

    /** It does more than the semantics of the instruction: bytecode that means the same as those cannot stand for it. */
    public boolean isExtended() {
        return false;
    }
}
