package dev.javisor.processor.core;

/** A handler that does something beside the semantics of its instruction. */
public interface ExtendedHandler extends Handler {}
