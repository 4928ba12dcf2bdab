package dev.javisor.processor.core;

/** Is told what happens to the events of a processor and to the guest on it, at the moment it happens. Must change nothing. */
public interface Tracer {
    void trace(Cpu c, Occurrence o);
}
