package org.elasticsearch.node;

import java.util.List;
import java.util.Map;
import java.util.Set;
import launch.RootPlugin;
import org.elasticsearch.cluster.service.ClusterService;
import org.elasticsearch.common.logging.LogConfigurator;
import org.elasticsearch.env.Environment;
import org.elasticsearch.plugins.ClasspathPlugins;
import org.elasticsearch.plugins.Plugin;
import org.elasticsearch.plugins.PluginsLoader;
import org.elasticsearch.plugins.PluginsService;

/** A Node whose plugins are classes of the class path. In this package because the constructor is not public. */
public class OpenNode extends Node {
    public OpenNode(Environment env, List<Class<? extends Plugin>> plugins) {
        super(NodeConstruction.prepareConstruction(env,
                PluginsLoader.createPluginsLoader(Set.of(), Set.of(), Map.of(), false), // false = no Java module exports
                new NodeServiceProvider() {
                    @Override
                    PluginsService newPluginService(Environment e, PluginsLoader loader) {
                        return new ClasspathPlugins(e.settings(), e, loader, plugins);
                    }
                }, true));
        RootPlugin.cluster = injector().getInstance(ClusterService.class);
    }

    public static void configureLogging() {
        LogConfigurator.configureESLogging(); // without it org.elasticsearch.logging has no provider
    }
}
