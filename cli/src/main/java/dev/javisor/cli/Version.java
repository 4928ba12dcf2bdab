package dev.javisor.cli;

import picocli.CommandLine.IVersionProvider;

/** The version, from the archive that the classes come from. */
final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
        String v = Main.class.getPackage().getImplementationVersion();
        return new String[] {"javisor " + (v == null ? "(unpackaged)" : v)};
    }
}
