package dev.javisor.processor.core;

/**
 * What an operation does. Implementations are static methods of the semantics classes. Contract: no architectural register or
 * flag changes before the last memory access that can fault, because any access may throw {@link GuestFault} or {@link Redo} and
 * the operation is then run again from its start. A branch sets {@link Cpu#rip}; everything else leaves it alone.
 */
@FunctionalInterface
public interface Handler {
    void execute(Cpu c, Op o);
}
