/** The devices of a PC's board, one class each. A device knows its registers and the lines it drives, nothing of the machine around it. */
package dev.javisor.machine.device;
