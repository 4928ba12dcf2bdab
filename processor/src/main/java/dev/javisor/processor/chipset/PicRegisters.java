package dev.javisor.processor.chipset;

/**
 * What an 8259A holds, as somebody who saves it needs to know.
 *
 * @param lines levels of the inputs, one bit each, as are IRR, ISR and IMR
 * @param elcr inputs that are level-triggered
 * @param elcrMask inputs that can be
 * @param lowest input of the lowest priority
 * @param expectedIcw initialization command word that must come next (2 to 4), or 0
 */
public record PicRegisters(
        int lines, int irr, int isr, int imr, int elcr, int elcrMask, int vectorBase, int lowest, int expectedIcw, boolean icw4Needed,
        boolean autoEoi, boolean rotateOnAutoEoi, boolean specialFullyNested, boolean specialMask, boolean readIsr, boolean poll) {}
