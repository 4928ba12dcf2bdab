package dev.javisor.processor.state;

/** Something whose whole state can be saved and restored, bit for bit. What a save does not carry does not exist. */
public interface Stateful {
    /** Writes every bit of state, in a fixed order. */
    void save(StateOutput out);

    /** Reads what {@link #save} wrote; afterwards the object behaves exactly as the saved one. */
    void load(StateInput in);
}
