package dev.javisor.processor.memory;

/** Told when guest-physical addresses change their meaning, so that cached host addresses must go. */
public interface MappingObserver {
    void mappingChanged();
}
