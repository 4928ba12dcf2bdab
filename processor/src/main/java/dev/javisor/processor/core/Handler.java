package dev.javisor.processor.core;

import java.io.Serializable;

/**
 * What an operation does. Implementations are static methods of the semantics classes. Contract: no architectural register or
 * flag changes before the last memory access that can fault, because any access may throw {@link GuestFault} or {@link Redo} and
 * the operation is then run again from its start. A branch sets {@link Cpu#rip}; everything else leaves it alone.
 *
 * <p>Serializable so that an engine can learn which method a reference stands for, and call it directly.
 */
@FunctionalInterface
public interface Handler extends Serializable {
    void execute(Cpu c, Op o);
}
